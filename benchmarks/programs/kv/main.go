// A server that uses edge.KV and says how long each time took, by its own clock: GET /get?count=N gets a key of 100 bytes, /put puts it;
// /fill?name=K puts as many keys, K-0 to K-N, 50 at the same time, and answers when all are acknowledged; /keys?after=K lists.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"strings"
	"time"

	"aotc/edge"
)

func number(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return 1
	}
	return n
}

func timed(operation func(ctx context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		times := make([]time.Duration, number(r, "count"))
		for i := range times {
			start := time.Now()
			if err := operation(r.Context()); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			times[i] = time.Since(start)
		}
		out := bufio.NewWriter(w)
		defer out.Flush()
		for _, t := range times {
			fmt.Fprintln(out, t.Nanoseconds())
		}
	}
}

func main() {
	value := []byte(strings.Repeat("x", 100))
	http.HandleFunc("/get", timed(func(ctx context.Context) error {
		_, err := edge.KV.Get(ctx, "key")
		return err
	}))
	http.HandleFunc("/put", timed(func(ctx context.Context) error {
		_, err := edge.KV.Put(ctx, "key", value, 0)
		return err
	}))
	http.HandleFunc("/fill", func(w http.ResponseWriter, r *http.Request) {
		name, count := r.URL.Query().Get("name"), number(r, "count")
		failed, places := make(chan error, count), make(chan bool, 50)
		for i := range count {
			go func() {
				places <- true
				_, err := edge.KV.Put(r.Context(), fmt.Sprintf("%s-%d", name, i), value, 0)
				<-places
				failed <- err
			}()
		}
		for range count {
			if err := <-failed; err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "acknowledged")
	})
	http.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		keys, next, err := edge.KV.List(r.Context(), "", r.URL.Query().Get("after"), 0)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, next)
		fmt.Fprintln(w, strings.Join(keys, "\n"))
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
