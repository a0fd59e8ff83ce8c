// A net/http server on the listening socket that the host opened as fd 3 (`--tcplisten`). It serves until it is killed,
// or for as many requests as its argument says.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal("no listening socket at fd 3: ", err)
	}
	left := -1
	if len(os.Args) > 1 {
		if left, err = strconv.Atoi(os.Args[1]); err != nil {
			log.Fatal(err)
		}
	}

	served := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s on %s/%s, you asked for %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, r.URL.Path)
	})
	count := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if left > 0 {
			w.Header().Set("Connection", "close")
		}
		mux.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: count}
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			served <- struct{}{}
		}
	}
	go func() { log.Fatal(server.Serve(listener)) }()
	for ; left != 0; left-- {
		<-served
	}
}
