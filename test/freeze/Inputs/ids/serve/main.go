// A server that answers with identifiers.
package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"ids/identifiers"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Join(identifiers.Make(), "\n"))
	})))
}
