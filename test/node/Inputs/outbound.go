// A program that asks others, for outbound.test: by net/http, through a reverse proxy, by plain TCP; and one that can be
// asked, natively. What it was told it says again, in words that are the same wherever it runs.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func kind(err error) string {
	var dns *net.DNSError
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EACCES):
		return "not allowed"
	case errors.Is(err, syscall.ENETUNREACH):
		return "unreachable"
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return "timeout"
	case errors.As(err, &dns):
		return fmt.Sprint("dns, not found: ", dns.IsNotFound)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut off"
	}
	return "other: " + err.Error()
}

func fields(h http.Header) string {
	var lines []string
	for name, values := range h {
		if name != "Date" && name != "Server" {
			lines = append(lines, fmt.Sprint(name, values))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// Asks /ask?url=&method=&timeout=, with the body and the fields X-* that came.
func ask(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ctx := r.Context()
	if t := q.Get("timeout"); t != "" {
		d, _ := time.ParseDuration(t)
		limited, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		ctx = limited
	}
	body := io.Reader(r.Body)
	if r.ContentLength == 0 {
		body = nil
	}
	out, err := http.NewRequestWithContext(ctx, q.Get("method"), q.Get("url"), body)
	if err != nil {
		fmt.Fprintln(w, "no request:", err)
		return
	}
	out.ContentLength = r.ContentLength
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Out-") {
			out.Header[name] = values
		}
	}
	answer, err := http.DefaultClient.Do(out)
	if err != nil {
		fmt.Fprintln(w, "error:", kind(err))
		return
	}
	defer answer.Body.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, answer.Body)
	fmt.Fprintf(w, "%s %s\n%s\n%d bytes %x, %v\n%s\n", answer.Status, answer.Request.URL, fields(answer.Header), n, hash.Sum(nil), kind(err), fields(answer.Trailer))
}

func proxy(w http.ResponseWriter, r *http.Request) {
	to, _ := url.Parse(r.Header.Get("X-To"))
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/proxy")
	p := httputil.NewSingleHostReverseProxy(to)
	p.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, kind(err), 502) }
	p.ServeHTTP(w, r)
}

// Says /tcp?to= the body, and what came back until the end. With open= the other side is not told that this was all:
// Redis throws away what it has not sent yet when it hears that.
func tcp(w http.ResponseWriter, r *http.Request) {
	c, err := (&net.Dialer{Timeout: 5 * time.Second}).Dial("tcp", r.URL.Query().Get("to"))
	if err != nil {
		fmt.Fprintln(w, "error:", kind(err))
		return
	}
	defer c.Close()
	go func() {
		io.Copy(c, r.Body)
		if r.URL.Query().Get("open") == "" {
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	if d := r.URL.Query().Get("deadline"); d != "" {
		wait, _ := time.ParseDuration(d)
		c.SetReadDeadline(time.Now().Add(wait))
	}
	hash := sha256.New()
	n, err := io.Copy(hash, c)
	local, remote := c.LocalAddr().(*net.TCPAddr), c.RemoteAddr().(*net.TCPAddr)
	fmt.Fprintf(w, "%d bytes %x, %s; %v %v\n", n, hash.Sum(nil), kind(err), local.IP.IsLoopback() && local.Port != 0, remote)
}

// Several words to one connection, as a client of a database says them.
func words(w http.ResponseWriter, r *http.Request) {
	c, err := net.Dial("tcp", r.URL.Query().Get("to"))
	if err != nil {
		fmt.Fprintln(w, "error:", kind(err))
		return
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for _, word := range r.URL.Query()["word"] {
		fmt.Fprintf(c, "%s\r\n", word)
		line, err := answers.ReadString('\n')
		fmt.Fprintf(w, "%q %s\n", line, kind(err))
	}
}

func lookup(w http.ResponseWriter, r *http.Request) {
	found, err := net.DefaultResolver.LookupIPAddr(r.Context(), r.URL.Query().Get("name"))
	sort.Slice(found, func(i, k int) bool { return found[i].String() < found[k].String() })
	fmt.Fprintln(w, found, kind(err))
}

// --- what is asked ---

func echo(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	n, _ := io.Copy(hash, r.Body)
	r.Header.Del("X-Forwarded-For")
	r.Header.Del("X-Forwarded-Proto")
	r.Header.Del("Forwarded")
	w.Header().Set("X-Seen", r.Method)
	w.Header().Add("X-Many", "a")
	w.Header().Add("X-Many", "b, c")
	fmt.Fprintf(w, "%s %s\n%s\n%d bytes %x %v\n", r.Method, r.RequestURI, fields(r.Header), n, hash.Sum(nil), r.TransferEncoding)
}

func origin() {
	http.HandleFunc("/echo", echo)
	http.HandleFunc("/status/", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Path[len("/status/"):])
		w.Header().Set("X-Seen", r.Method)
		w.WriteHeader(code)
	})
	http.HandleFunc("/bytes/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[len("/bytes/"):])
		w.Header().Set("Content-Length", fmt.Sprint(n))
		w.Write(bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n])
	})
	http.HandleFunc("/chunks/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[len("/chunks/"):])
		w.Header().Set("Trailer", "X-Sum")
		for i := 0; i < n; i++ {
			fmt.Fprintf(w, "piece %d\n", i)
			w.(http.Flusher).Flush()
		}
		w.Header().Set("X-Sum", fmt.Sprint(n))
	})
	http.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Accepts", r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		z.Write(bytes.Repeat([]byte("text "), 1000))
		z.Close()
	})
	http.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	http.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(3 * time.Second):
		}
	})
	http.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("half"))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
}

func main() {
	listen := flag.String("listen", ":8080", "")
	flag.Parse()
	origin()
	http.HandleFunc("/ask", ask)
	http.HandleFunc("/proxy/", proxy)
	http.HandleFunc("/tcp", tcp)
	http.HandleFunc("/words", words)
	http.HandleFunc("/lookup", lookup)
	fmt.Println(http.ListenAndServe(*listen, nil))
}
