// A server that gives native code two places to run at, and room to stand: artifact_patch.py overwrites atAccept, which runs
// when a connection is accepted and so before the first request, atRequest, which each request runs, and spare, which
// nothing runs. The response is what that code has reported.
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// The marker by which native code finds it, eight numbers for it, the length of its text, the text.
var report = [16384]byte{'[', 'r', 'e', 'p', 'o', 'r', 't', ' ', 'i', 's', ' ', 'h', 'e', 'r', 'e', ']'}

const numbers, length, text = 16, 80, 88

var accepted, requested, spared int

//go:noinline
func atAccept() { accepted++ }

//go:noinline
func atRequest() { requested++ }

//go:noinline
func spare(s string) string {
	s = fmt.Sprint(s, 1, strings.Repeat(s, 2)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 1, s) + strings.ToUpper(s) + strings.Trim(s, "a")
	s = fmt.Sprint(s, 2, strings.Repeat(s, 3)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 2, s) + strings.ToUpper(s) + strings.Trim(s, "b")
	s = fmt.Sprint(s, 3, strings.Repeat(s, 4)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 3, s) + strings.ToUpper(s) + strings.Trim(s, "c")
	s = fmt.Sprint(s, 4, strings.Repeat(s, 5)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 4, s) + strings.ToUpper(s) + strings.Trim(s, "d")
	s = fmt.Sprint(s, 5, strings.Repeat(s, 6)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 5, s) + strings.ToUpper(s) + strings.Trim(s, "e")
	s = fmt.Sprint(s, 6, strings.Repeat(s, 7)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 6, s) + strings.ToUpper(s) + strings.Trim(s, "f")
	s = fmt.Sprint(s, 7, strings.Repeat(s, 8)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 7, s) + strings.ToUpper(s) + strings.Trim(s, "g")
	s = fmt.Sprint(s, 8, strings.Repeat(s, 9)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 8, s) + strings.ToUpper(s) + strings.Trim(s, "h")
	s = fmt.Sprint(s, 9, strings.Repeat(s, 9)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 9, s) + strings.ToUpper(s) + strings.Trim(s, "i")
	s = fmt.Sprint(s, 9, strings.Repeat(s, 8)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 8, s) + strings.ToUpper(s) + strings.Trim(s, "j")
	s = fmt.Sprint(s, 9, strings.Repeat(s, 7)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 7, s) + strings.ToUpper(s) + strings.Trim(s, "k")
	s = fmt.Sprint(s, 9, strings.Repeat(s, 6)) + strconv.Itoa(len(s)) + fmt.Sprintf("%x %d %v", s, 6, s) + strings.ToUpper(s) + strings.Trim(s, "l")
	return s
}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	atAccept()
	return c, err
}

func main() {
	// /?1234,5678: numbers for the code, of processes for example.
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		for i, word := range strings.Split(r.URL.RawQuery, ",") {
			n, _ := strconv.ParseInt(word, 10, 64)
			binary.LittleEndian.PutUint64(report[numbers+8*i:], uint64(n))
		}
		atRequest()
		if spared != 0 {
			fmt.Fprint(w, spare(r.URL.Path))
		}
		said := report[text : text+binary.LittleEndian.Uint64(report[length:])]
		w.Header().Set("Content-Length", strconv.Itoa(len(said)))
		w.Write(said)
	})
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener{l}, nil))
}
