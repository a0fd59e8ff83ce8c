// A server of net/http that tells what its handler was asked for so far. Its argument: "hook" prints what happens to
// connections, "own" lets the handler answer "OPTIONS *", too.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

var asked []string

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/exit" {
			os.Exit(0)
		}
		asked = append(asked, r.Method+" "+r.RequestURI)
		fmt.Fprintln(w, "asked:", asked)
	})}
	switch os.Args[1] {
	case "hook":
		server.ConnState = func(c net.Conn, state http.ConnState) { fmt.Println("connection", state) }
	case "own":
		server.DisableGeneralOptionsHandler = true
	}
	panic(server.Serve(listener))
}
