// A server that takes a secret from its environment before it is frozen, and says it.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
)

var key = os.Getenv("API_KEY")

func main() {
	if len(key) != 12 {
		os.Exit(3)
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, key, strings.ToUpper(os.Getenv("API_KEY")))
	})
	panic(http.Serve(listener, nil))
}
