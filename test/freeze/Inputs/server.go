// An unmodified net/http server on the pre-opened listener, whose set-up goes on in a goroutine that yields.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

func main() {
	var ready atomic.Int64
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(5 * time.Millisecond)
		fmt.Fprintf(w, "set-up steps %d mode %s\n", ready.Load(), os.Getenv("MODE"))
	})
	http.HandleFunc("/exit", func(w http.ResponseWriter, r *http.Request) { os.Exit(7) })
	go http.Serve(listener, nil)
	for i := 0; i < 1000; i++ {
		ready.Add(1)
		runtime.Gosched()
	}
	fmt.Println("server is set up")
	select {}
}
