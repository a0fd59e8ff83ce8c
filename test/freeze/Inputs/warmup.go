// A server that counts its requests, for --warmup-request. Its argument says how it speaks: "http", or on the bare connection.
package main

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
	"unsafe"
)

var count int

func serve(w http.ResponseWriter, r *http.Request) {
	count++
	switch r.URL.Path {
	case "/slow":
		time.Sleep(20 * time.Millisecond)
	case "/stream":
		w.Write([]byte("part\n"))
		w.(http.Flusher).Flush()
	case "/exit":
		os.Exit(9)
	case "/panic":
		go func() { panic("in the background") }()
		select {}
	case "/trap":
		*(*byte)(unsafe.Pointer(^uintptr(0) &^ 7 & 0xffffffff)) = 1
	case "/never":
		select {}
	case "/late":
		time.Sleep(time.Hour)
	case "/spin":
		for {
		}
	case "/large":
		w.Write(make([]byte, 65<<20))
	case "/missing":
		w.WriteHeader(404)
	}
	fmt.Fprintf(w, "request %d, random %x %d\n", count, random(), mathrand.Uint64())
}

func random() (b [8]byte) {
	rand.Read(b[:])
	return
}

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	if os.Args[1] == "http" {
		http.HandleFunc("/", serve)
		panic(http.Serve(listener, nil))
	}
	var held []net.Conn
	for {
		c, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		c.Read(make([]byte, 4096))
		c.Write([]byte(strings.ReplaceAll(os.Args[1], "|", "\r\n")))
		switch os.Args[2] {
		case "close":
			c.Close()
		case "end":
			c.Close()
			listener.Close()
			os.Stdin.Read(make([]byte, 1))
		case "hold":
			held = append(held, c)
		}
	}
}
