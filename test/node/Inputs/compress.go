// A server of responses as they are asked for, with fields from the query. Listens on fd 3.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

// n bytes of something that can be made smaller.
func text(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d of some text\n", i*i)
	}
	return b.String()[:n]
}

func main() {
	http.HandleFunc("/say", func(w http.ResponseWriter, r *http.Request) {
		body := text(number(r, "n"))
		for name, values := range r.URL.Query() {
			if name != "n" && name != "status" && name != "parts" {
				w.Header()[http.CanonicalHeaderKey(name)] = values
			}
		}
		if r.URL.Query().Get("parts") == "" {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		if status := number(r, "status"); status != 0 {
			w.WriteHeader(status)
		}
		io.WriteString(w, body)
	})
	// Each event is flushed, and after the last one nothing comes.
	http.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range number(r, "n") {
			fmt.Fprintf(w, "data: event %d\n\n", i)
			http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
		<-r.Context().Done()
	})
	http.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, text(number(r, "n")))
		w.Header().Set("X-Sum", "7")
	})
	http.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, text(100000))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, nil))
}
