// A server that does with edge.KV what it is asked for: GET /put?key=K&value=V&ttl=1s and so on.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"aotc/edge"
)

func shown(err error) string {
	for name, known := range map[string]error{"none": fs.ErrNotExist, "conflict": edge.ErrConflict, "full": edge.ErrFull, "no store": edge.ErrNoStore, "not yet": edge.ErrNotYet, "not a number": edge.ErrNotNumber} {
		if errors.Is(err, known) {
			return name
		}
	}
	return err.Error()
}

func handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, f func(ctx context.Context, w http.ResponseWriter, query func(string) string) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := f(r.Context(), w, r.URL.Query().Get); err != nil {
				fmt.Fprintln(w, "error:", shown(err))
			}
		})
	}
	handle("/get", func(ctx context.Context, w http.ResponseWriter, query func(string) string) error {
		entry, err := edge.KV.Get(ctx, query("key"))
		if err == nil {
			fmt.Fprintf(w, "%s %v\n", entry.Value, !entry.Expires.IsZero())
		}
		return err
	})
	handle("/put", func(ctx context.Context, w http.ResponseWriter, query func(string) string) error {
		ttl, _ := time.ParseDuration(query("ttl"))
		value := query("value")
		if size, _ := strconv.Atoi(query("size")); size != 0 {
			value = strings.Repeat("x", size)
		}
		_, err := edge.KV.Put(ctx, query("key"), []byte(value), ttl)
		if err == nil {
			fmt.Fprintln(w, "put")
		}
		return err
	})
	handle("/delete", func(ctx context.Context, w http.ResponseWriter, query func(string) string) error {
		err := edge.KV.Delete(ctx, query("key"))
		if err == nil {
			fmt.Fprintln(w, "deleted")
		}
		return err
	})
	handle("/list", func(ctx context.Context, w http.ResponseWriter, query func(string) string) error {
		limit, _ := strconv.Atoi(query("limit"))
		keys, next, err := edge.KV.List(ctx, query("prefix"), query("after"), limit)
		if err == nil {
			fmt.Fprintf(w, "%q %q\n", keys, next)
		}
		return err
	})
	handle("/add", func(ctx context.Context, w http.ResponseWriter, query func(string) string) error {
		number, err := strconv.ParseInt(query("number"), 10, 64)
		if err != nil {
			return err
		}
		sum, err := edge.KV.Add(ctx, query("key"), number)
		if err == nil {
			fmt.Fprintln(w, sum)
		}
		return err
	})
	// Adds one to a counter, by several goroutines of this instance, against those of others.
	handle("/count", func(ctx context.Context, w http.ResponseWriter, query func(string) string) error {
		many, _ := strconv.Atoi(query("many"))
		var group sync.WaitGroup
		failed := make(chan error, many)
		for i := 0; i < many; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				failed <- increment(ctx, query("key"))
			}()
		}
		group.Wait()
		for i := 0; i < many; i++ {
			if err := <-failed; err != nil {
				return err
			}
		}
		fmt.Fprintln(w, "counted")
		return nil
	})
	return mux
}

func increment(ctx context.Context, key string) error {
	for {
		entry, err := edge.KV.Get(ctx, key)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		number, _ := strconv.Atoi(string(entry.Value))
		_, err = edge.KV.CompareAndSet(ctx, key, entry.Version, []byte(strconv.Itoa(number+1)), 0)
		if !errors.Is(err, edge.ErrConflict) {
			return err
		}
	}
}

func main() {
	_, err := edge.KV.Get(context.Background(), "a")
	log.Print("before the thaw: ", shown(err))
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, handler()))
}
