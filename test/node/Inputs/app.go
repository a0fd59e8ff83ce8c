// A net/http server whose handlers do what clients and operators meet. Listens on fd 3, or natively on -listen.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

var served int
var kept []byte

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

func pattern(n int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n] }

//go:noinline
func spin() {
	for i := 0; ; i++ {
		if i < 0 {
			return
		}
	}
}

func main() {
	mux := http.NewServeMux()
	handle := func(path string, f func(w http.ResponseWriter, r *http.Request)) { mux.HandleFunc(path, f) }
	handle("/hello", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hello %s %s\n", r.Method, r.URL) })
	handle("/count", func(w http.ResponseWriter, r *http.Request) {
		served++
		fmt.Fprintf(w, "request %d of this instance\n", served)
	})
	handle("/headers", func(w http.ResponseWriter, r *http.Request) {
		var names []string
		for name := range r.Header {
			names = append(names, name)
		}
		sort.Strings(names)
		w.Header().Add("X-Two", "one")
		w.Header().Add("X-Two", "two")
		w.WriteHeader(203)
		for _, name := range names {
			fmt.Fprintf(w, "%s: %s\n", name, strings.Join(r.Header[name], "|"))
		}
		fmt.Fprintln(w, r.Host, r.Proto, r.ContentLength, r.TransferEncoding)
	})
	handle("/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	handle("/digest", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		fmt.Fprintf(w, "%d %x %v\n", n, h.Sum(nil), err)
	})
	handle("/big", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("length") {
			w.Header().Set("Content-Length", strconv.Itoa(number(r, "n")))
		}
		w.Write(pattern(number(r, "n")))
	})
	handle("/parts", func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < number(r, "n"); i++ {
			fmt.Fprintf(w, "part %d\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	handle("/early", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "not wanted", 403) })
	handle("/peer", func(w http.ResponseWriter, r *http.Request) {
		// As the server took it, and as the connection says it now.
		c, _, _ := w.(http.Hijacker).Hijack()
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s %s", r.RemoteAddr, c.RemoteAddr())
		c.Close()
	})
	handle("/log", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("to stdout")
		fmt.Fprint(os.Stderr, "to stderr\nhalf a line")
		for i := 0; i < number(r, "n"); i++ {
			fmt.Println("one of many")
		}
		w.(http.Flusher).Flush()
		time.Sleep(time.Millisecond)
		fmt.Fprintln(os.Stderr, ", the rest; and the last")
		fmt.Print("unfinished")
	})
	handle("/boom", func(w http.ResponseWriter, r *http.Request) { panic("boom") })
	handle("/fatal", func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < number(r, "n"); i++ {
			fmt.Fprintln(os.Stderr, "one of many")
		}
		go panic("nobody catches it")
		select {}
	})
	handle("/split", func(w http.ResponseWriter, r *http.Request) { // as the runtime prints what ends it, but slowly
		fmt.Fprintln(os.Stderr, "fatal error: in two")
		time.Sleep(50 * time.Millisecond)
		fmt.Fprint(os.Stderr, "\ngoroutine 7 [running]:\nmain.main()\n")
		os.Exit(2)
	})
	handle("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(102)
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(103)
		fmt.Fprintln(w, "page")
	})
	handle("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(r.Trailer))
		w.Header().Set(http.TrailerPrefix+"X-Late", "not announced")
	})
	handle("/empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	handle("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hello?again", 302) })
	handle("/sleep", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
		fmt.Fprintln(w, "slept")
	})
	handle("/later", func(w http.ResponseWriter, r *http.Request) {
		// What a handler leaves to goroutines: one that sleeps, and one that ticks until it is told to end.
		name, ticks := r.URL.Query().Get("name"), number(r, "ticks")
		go func() {
			time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
			fmt.Println("later:", name)
		}()
		go func() {
			for range time.Tick(time.Millisecond) {
				if ticks--; ticks < 0 {
					return
				}
				fmt.Println("tick:", name)
			}
		}()
		fmt.Fprintln(w, "now")
	})
	handle("/stuck", func(w http.ResponseWriter, r *http.Request) { select {} })
	handle("/hold", func(w http.ResponseWriter, r *http.Request) {
		w.Write(pattern(4096))
		w.(http.Flusher).Flush()
		select {}
	})
	handle("/spin", func(w http.ResponseWriter, r *http.Request) { spin() })
	handle("/spin-later", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "begun")
		w.(http.Flusher).Flush()
		if !r.URL.Query().Has("busy") {
			time.Sleep(time.Millisecond)
		}
		spin()
	})
	handle("/exit", func(w http.ResponseWriter, r *http.Request) { os.Exit(3) })
	handle("/panic", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	handle("/abort", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("length") {
			w.Header().Set("Content-Length", strconv.Itoa(number(r, "n")+1))
		}
		w.Write(pattern(number(r, "n")))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	handle("/memory", func(w http.ResponseWriter, r *http.Request) {
		for {
			kept = append(kept, make([]byte, 8<<20)...)
		}
	})
	handle("/hold-memory", func(w http.ResponseWriter, r *http.Request) {
		held := make([]byte, number(r, "mb")<<20)
		for i := 0; i < len(held); i += 4096 {
			held[i] = 1
		}
		time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
		fmt.Fprintln(w, "held", len(held)>>20)
	})
	handle("/trap", func(w http.ResponseWriter, r *http.Request) {
		*(*byte)(unsafe.Pointer(uintptr(0xfffffff0))) = 1
	})
	handle("/random", func(w http.ResponseWriter, r *http.Request) {
		var b [16]byte
		rand.Read(b[:])
		fmt.Fprintf(w, "%x\n", b)
	})
	handle("/remember", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for i := 0; i < 1000; i++ {
			kept = append(kept, body...)
		}
		fmt.Fprintln(w, "remembered")
	})
	// The body is the text with every byte raised by one, so that the text is in memory only if an earlier request left it.
	handle("/search", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		found, size := 0, number(r, "pages")*65536
		memory := unsafe.Slice((*byte)(unsafe.Pointer(uintptr(8))), size-8)
	next:
		for at := 0; at+len(body) <= len(memory); at++ {
			for i, b := range body {
				if memory[at+i] != b-1 {
					continue next
				}
			}
			found++
		}
		fmt.Fprintf(w, "found %d in %d bytes\n", found, size)
	})

	var listener net.Listener
	var err error
	if len(os.Args) == 3 && os.Args[1] == "-listen" {
		listener, err = net.Listen("tcp", os.Args[2])
	} else {
		listener, err = net.FileListener(os.NewFile(3, "listener"))
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("app is set up")
	log.Fatal(http.Serve(listener, mux))
}
