// A net/http server with what handlers of all sorts do, for comparing its answers with those of the same program built
// natively. It listens, and would shut down, as any server does: `aotc build` takes it as it is.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing/fstest"
	"time"
)

var files = fstest.MapFS{"a.txt": {Data: []byte("text")}, "folder/index.html": {Data: []byte("<p>index")}, "b.css": {Data: []byte("p {}")}}

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

// All that a handler can know of a request; what a proxy adds is left out.
func describe(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %q %s\n", r.Method, r.RequestURI, r.Proto)
	fmt.Fprintf(w, "path %q raw %q query %q fragment %q host %q\n", r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.Fragment, r.Host)
	fmt.Fprintf(w, "length %d coding %v close %v\n", r.ContentLength, r.TransferEncoding, r.Close)
	var names []string
	for name := range r.Header {
		if !strings.HasPrefix(name, "X-Forwarded-") && name != "Forwarded" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(w, "%q %q\n", name, r.Header[name])
	}
	for _, c := range r.Cookies() {
		fmt.Fprintf(w, "cookie %q %q\n", c.Name, c.Value)
	}
	user, password, ok := r.BasicAuth()
	fmt.Fprintf(w, "user %q %q %v agent %q referer %q\n", user, password, ok, r.UserAgent(), r.Referer())
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "body %d %.200q %v trailer %v\n", len(body), body, err, r.Trailer)
}

func form(w http.ResponseWriter, r *http.Request) {
	err := r.ParseMultipartForm(1 << 20)
	fmt.Fprintf(w, "%v\n%v\n%v\n", err, r.Form, r.PostForm)
	if r.MultipartForm == nil {
		return
	}
	fmt.Fprintln(w, r.MultipartForm.Value)
	for name, headers := range r.MultipartForm.File {
		for _, h := range headers {
			f, err := h.Open()
			if err != nil {
				fmt.Fprintln(w, err)
				continue
			}
			data, err := io.ReadAll(f)
			fmt.Fprintf(w, "%s %s %d %s %q %v\n", name, h.Filename, h.Size, h.Header.Get("Content-Type"), data, err)
			f.Close()
		}
	}
	r.MultipartForm.RemoveAll()
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", describe)
	mux.HandleFunc("/form", form)
	mux.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Kind", "status")
		w.WriteHeader(number(r, "code"))
		io.WriteString(w, r.URL.Query().Get("text"))
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), number(r, "code"))
	})
	mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		var value any
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1000)).Decode(&value); err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"got": value})
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1 2", Path: "/", MaxAge: 60, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "x", Expires: time.Unix(2000000000, 0), Secure: true})
	})
	mux.HandleFunc("/content", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "a.txt", time.Unix(1700000000, 0), strings.NewReader(strings.Repeat("0123456789", 100)))
	})
	mux.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.FS(files))))
	mux.HandleFunc("/sniff", func(w http.ResponseWriter, r *http.Request) {
		w.Write(map[string][]byte{"png": []byte("\x89PNG\r\n\x1a\nx"), "html": []byte("<!DOCTYPE html>x"), "none": nil,
			"json": []byte("{}"), "zeros": make([]byte, 600), "pdf": []byte("%PDF-1.4")}[r.URL.Query().Get("kind")])
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			io.WriteString(w, "plain")
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		z.Write(bytes.Repeat([]byte("compressed "), 1000))
		z.Close()
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; i < 3; i++ {
			fmt.Fprintf(w, "id: %d\ndata: tick\n\n", i)
			http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	mux.HandleFunc("/fields", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["x-raw-case"] = []string{"kept"}
		h.Add("X-Many", "1")
		h.Add("X-Many", "2")
		h.Set("X-Empty", "")
		h.Set("X-Spaces", "  around  ")
		h.Set("X-Lines", "a\r\nX-Injected: b")
		h.Set("X-Bytes", "Grüße \xff")
		h["Date"] = nil
		h.Set("Content-Type", "")
		h.Set("Server", "mine")
		h.Set("Connection", r.URL.Query().Get("connection"))
		io.WriteString(w, "fields")
	})
	mux.HandleFunc("/length", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", r.URL.Query().Get("says"))
		n, err := w.Write(make([]byte, number(r, "writes")))
		log.Println(n, err)
	})
	mux.HandleFunc("/twice", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(202)
		w.WriteHeader(500)
		io.WriteString(w, "once")
	})
	mux.HandleFunc("/interim", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		w.Header().Del("Link")
		io.WriteString(w, "page")
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-After")
		io.WriteString(w, "body")
		w.Header().Set("X-After", "told")
		w.Header().Set(http.TrailerPrefix+"X-Late", "too")
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(time.Duration(number(r, "ms")) * time.Millisecond):
				io.WriteString(w, "done")
			}
		}), time.Duration(number(r, "limit"))*time.Millisecond, "too slow").ServeHTTP(w, r)
	})
	mux.HandleFunc("/context", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Millisecond)
		defer cancel()
		<-ctx.Done()
		fmt.Fprintln(w, errors.Is(ctx.Err(), context.DeadlineExceeded), r.Context().Err())
	})
	mux.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) { panic("it") })
	mux.HandleFunc("/recovered", func(w http.ResponseWriter, r *http.Request) {
		defer func() { fmt.Fprintln(w, "recovered", recover()) }()
		var m map[string]int
		m["a"] = 1
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		c, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		fmt.Fprintf(buffered, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		buffered.Flush()
		c.Close()
	})
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "not you", 401) })
	mux.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, 3)
		io.WriteString(w, "three are enough")
	})
	mux.HandleFunc("/dump", func(w http.ResponseWriter, r *http.Request) {
		r.Header = http.Header{}
		dump, err := httputil.DumpRequest(r, true)
		fmt.Fprintf(w, "%q %v", dump, err)
	})
	mux.HandleFunc("GET /item/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "item %q", r.PathValue("id")) })
	mux.HandleFunc("POST /item/{id}/{rest...}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "rest %q", r.PathValue("rest")) })
	mux.HandleFunc("host.example/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "the host's") })
	mux.HandleFunc("/proxy", func(w http.ResponseWriter, r *http.Request) {
		to, _ := url.Parse("http://inside.example")
		p := httputil.NewSingleHostReverseProxy(to)
		p.Transport = inside{}
		p.ServeHTTP(w, r)
	})
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		server := httptest.NewServer(http.HandlerFunc(describe))
		defer server.Close()
		answer, err := server.Client().Post(server.URL+"/deeper?a=b", "text/plain", strings.NewReader("body"))
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		text, err := io.ReadAll(answer.Body)
		text = bytes.ReplaceAll(text, []byte(strings.TrimPrefix(server.URL, "http://")), []byte("ADDRESS"))
		fmt.Fprintf(w, "%d %s %v", answer.StatusCode, text, err)
	})
	addr := ":8080"
	if len(os.Args) == 3 && os.Args[1] == "-listen" {
		addr = os.Args[2]
	}
	server := &http.Server{Addr: addr, Handler: mux}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}

// Answers without a network.
type inside struct{}

func (inside) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 100))
	text := fmt.Sprintf("inside %s %s %q", r.Method, r.URL, body)
	return &http.Response{StatusCode: 203, Header: http.Header{"X-Inside": {"1"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}
