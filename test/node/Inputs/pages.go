// A server that wants memory beyond its snapshot's, and tells what it finds there and elsewhere.
package main

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
	"unsafe"
)

const size, page, zeros = 8 << 20, 4096, "\x00\x00\x00\x00\x00\x00\x00\x00"

func main() {
	// Touches a few pages of fresh memory and says so. What then comes of the body, after 300 KiB, it writes to many more,
	// unless it is zeros.
	http.HandleFunc("/keep", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.CopyN(io.Discard, r.Body, 300<<10)
		memory := make([]byte, size)
		for i := 0; i < size; i += size / 8 {
			memory[i] = 1
		}
		fmt.Fprintln(w, "begun")
		w.(http.Flusher).Flush()
		var secret [8]byte
		io.ReadFull(r.Body, secret[:])
		for i := size/4 + page; i < size*3/4 && secret[0] != 0; i += 3 * page {
			copy(memory[i+i/page%(page-8):], secret[:])
		}
		fmt.Fprintln(w, "kept")
	})
	// Looks at some places of fresh memory and writes to others, the same for the same seed, and waits in between if it is odd.
	http.HandleFunc("/some", func(w http.ResponseWriter, r *http.Request) {
		seed, _ := strconv.ParseUint(r.URL.Query().Get("seed"), 10, 64)
		places := rand.New(rand.NewPCG(seed, 1))
		memory := make([]byte, size)[size/4 : size*3/4]
		for range 20 {
			if place := memory[places.IntN(len(memory)-8):]; string(place[:8]) != zeros {
				http.Error(w, fmt.Sprintf("fresh memory holds %q", place[:8]), 500)
				return
			}
		}
		if seed%2 == 1 {
			time.Sleep(time.Millisecond)
		}
		for range 20 {
			copy(memory[places.IntN(len(memory)-8):], "LEFTOVER")
		}
		io.WriteString(w, "done\n")
	})
	// How many bytes of fresh memory are not zero, and the first of them.
	http.HandleFunc("/look", func(w http.ResponseWriter, r *http.Request) {
		memory, count, first := make([]byte, size), 0, 0
		for i, b := range memory {
			if b != 0 {
				if count == 0 {
					first = i
				}
				count++
			}
		}
		fmt.Fprintf(w, "%d %q\n", count, memory[first:first+8])
	})
	// How often the body is in memory, which it comes in with every byte raised by one.
	http.HandleFunc("/find", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last := make([]byte, size)
		found, memory := 0, unsafe.Slice((*byte)(unsafe.Pointer(uintptr(8))), uintptr(unsafe.Pointer(&last[size-9])))
	next:
		for at := 0; at+len(body) <= len(memory); at++ {
			for i, b := range body {
				if memory[at+i] != b-1 {
					continue next
				}
			}
			found++
		}
		fmt.Fprintf(w, "found %d\n", found)
	})
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, nil))
}
