// A server whose answers say what package edge does.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"aotc/edge"
)

// What happened, in its order.
var order []string

func note(what string) func() { return func() { order = append(order, what) } }

func say(value string, err error) string {
	if err != nil {
		return err.Error()
	}
	return value
}

func main() {
	beforeThaw, secretBefore := edge.Thawed(), say(edge.Secret("key"))
	var drawn, key string
	edge.OnThaw(func() {
		var bytes [8]byte
		rand.Read(bytes[:])
		drawn = hex.EncodeToString(bytes[:])
		runtime.Gosched() // there is nobody to see the request meanwhile
		time.Sleep(time.Millisecond)
		note("thaw")()
	})
	edge.OnThaw(func() { key = say(edge.Secret("key")) })
	edge.OnThaw(note("thaw 2"))
	edge.OnIdle(func() {
		time.Sleep(time.Millisecond)
		fmt.Println("idle after", order)
	})

	mux := http.NewServeMux()
	mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		note("request")()
		edge.OnThaw(note("late"))
		fmt.Fprintln(w, beforeThaw, edge.Thawed(), order)
	})
	mux.HandleFunc("/drawn", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, drawn) })
	mux.HandleFunc("/values", func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("name")
		fmt.Fprintf(w, "before: %s\nat the thaw: %s\nconfig: %s\nsecret: %s\n", secretBefore, key, say(edge.Config(name)), say(edge.Secret(name)))
	})
	mux.HandleFunc("/request", func(w http.ResponseWriter, r *http.Request) {
		info, ok := edge.Request(r.Context())
		fmt.Fprintln(w, ok, info.ID, info.Client, info.Country, r.RemoteAddr)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		edge.OnIdle(func() { time.Sleep(time.Hour) })
		edge.OnIdle(func() { fmt.Println("never") })
	})
	mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, mux))
}
