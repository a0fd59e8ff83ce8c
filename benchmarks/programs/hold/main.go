// A net/http server that answers with 4 KiB, flushes them, and never ends its response.
package main

import (
	"bytes"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal("no listening socket at fd 3: ", err)
	}
	text := bytes.Repeat([]byte("0123456789abcdef"), 256)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Write(text)
		w.(http.Flusher).Flush()
		select {}
	})
	log.Fatal(http.Serve(listener, nil))
}
