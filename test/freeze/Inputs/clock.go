// A server whose set-up makes something that grows old: a token good for ten minutes and, as its arguments say, a timer, a ticker
// or a context. GET /?MILLISECONDS tells, after that long, how old it all is.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

func main() {
	start := time.Now()
	expires := start.Add(10 * time.Minute)
	var fired, ticks atomic.Int64
	ctx := context.Background()
	server := &http.Server{}
	for _, word := range os.Args[1:] {
		switch word {
		case "timer":
			time.AfterFunc(time.Hour, func() { fired.Add(1) })
		case "exit":
			time.AfterFunc(time.Hour, func() { os.Exit(7) })
		case "ticker":
			ticker := time.NewTicker(2 * time.Minute)
			go func() {
				for range ticker.C {
					ticks.Add(1)
				}
			}()
		case "context":
			ctx, _ = context.WithTimeout(ctx, 20*time.Minute)
		case "timeouts":
			server.ReadHeaderTimeout, server.IdleTimeout = 20*time.Second, time.Minute
		}
	}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait, _ := strconv.Atoi(r.URL.RawQuery)
		time.Sleep(time.Duration(wait) * time.Millisecond)
		age := time.Since(start)
		fmt.Fprintf(w, "%.0f min, expired %v, fired %d, ticks %d, context %v, %d\n",
			age.Minutes(), time.Now().After(expires), fired.Load(), ticks.Load(), ctx.Err(), age)
	})
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	panic(server.Serve(listener))
}
