// PROJECT answers HTTP requests: natively with `go run .`, in aotc with `aotc dev`.
package main

import (
	"fmt"
	"log"
	"net/http"
)

// What main does before it listens is done once, before the snapshot. Each request then has an instance of its own.
func main() {
	log.Fatal(http.ListenAndServe(":8080", handler()))
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", hello)
	return mux
}

func hello(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "world"
	}
	fmt.Fprintf(w, "hello, %s\n", name)
}
