// A server that reads a file of its image at each request, for packaging/containerd/check.
package main

import (
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal(err)
	}
	greeting := os.Getenv("GREETING")
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note, err := os.ReadFile("/templates/note")
		log.Print(r.URL.Path)
		w.Write([]byte(greeting + " " + string(note)))
		if err != nil {
			w.Write([]byte(err.Error()))
		}
	})))
}
