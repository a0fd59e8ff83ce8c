// A server that answers with identifiers.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"ids/identifiers"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Join(identifiers.Make(), "\n"))
	})
	http.HandleFunc("/numbers", func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < 50; i++ {
			fmt.Fprintln(w, identifiers.Number())
		}
	})
	server := http.Server{ReadHeaderTimeout: time.Minute} // a timer, for which the monotonic clock stands still
	panic(server.Serve(listener))
}
