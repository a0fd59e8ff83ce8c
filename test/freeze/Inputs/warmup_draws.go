// A server that draws random bytes at some paths, for --warmup-request.
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

var buffered = bufio.NewReader(rand.Reader)

func draw(source io.Reader) (b [16]byte) {
	if _, err := io.ReadFull(source, b[:]); err != nil {
		panic(err)
	}
	return
}

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	draw(rand.Reader)
	http.HandleFunc("/none", func(w http.ResponseWriter, r *http.Request) {})
	http.HandleFunc("/reader", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%x", draw(buffered)) })
	http.HandleFunc("/draw", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%x", draw(rand.Reader)) })
	panic(http.Serve(listener, nil))
}
