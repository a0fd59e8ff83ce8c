// A server of responses as they are asked for: each query parameter is a field of the response, but for those below. A
// field of the request may make the same URL answer otherwise. The first line is a number that no other response has. Listens on fd 3.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		number := make([]byte, 16)
		rand.Read(number)
		query := r.URL.Query()
		for name, values := range query {
			if name != "n" && name != "ms" && name != "status" && name != "x" {
				w.Header()[http.CanonicalHeaderKey(name)] = values
			}
		}
		if control := r.Header.Get("X-Control"); control != "" {
			w.Header().Set("Cache-Control", control)
		}
		wait, _ := strconv.Atoi(query.Get("ms"))
		time.Sleep(time.Duration(wait) * time.Millisecond)
		status, _ := strconv.Atoi(query.Get("status"))
		if fails := r.Header.Get("X-Fail"); fails == "panic" {
			panic(http.ErrAbortHandler)
		} else if fails == "half" {
			io.WriteString(w, "half of it")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		} else if fails != "" {
			status, _ = strconv.Atoi(fails)
		}
		if tag := w.Header().Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
			status = 304
		}
		if status != 0 {
			w.WriteHeader(status)
		}
		if status == 304 || status == 204 {
			return
		}
		fmt.Fprintf(w, "%s\n%s %s %s\n", hex.EncodeToString(number), r.Host, r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Unkeyed"))
		n, _ := strconv.Atoi(query.Get("n"))
		for line := strings.Repeat("x", 999) + "\n"; n > 0; n -= len(line) {
			io.WriteString(w, line)
		}
	})
	// Without an end.
	http.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		for {
			io.WriteString(w, "tick\n")
			http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	})
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, nil))
}
