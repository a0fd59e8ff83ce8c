// Fastly Compute's Go SDK as programs use it: what a request asks for by its path, the program does, and says what came of
// it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/fastly/compute-sdk-go/configstore"
	"github.com/fastly/compute-sdk-go/device"
	"github.com/fastly/compute-sdk-go/edgedict"
	"github.com/fastly/compute-sdk-go/fsthttp"
	"github.com/fastly/compute-sdk-go/geo"
	"github.com/fastly/compute-sdk-go/kvstore"
	"github.com/fastly/compute-sdk-go/rtlog"
	"github.com/fastly/compute-sdk-go/secretstore"
)

// Opened when the program is set up, and used by each request.
var (
	audit    = rtlog.Open("audit")
	started  = 0
	store, _ = configstore.Open("site")
)

func request(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	fmt.Fprintf(w, "%s %s %s %s from %s\n", r.Method, r.URL, r.Proto, r.Host, r.RemoteAddr)
	keys := r.Header.Keys()
	sort.Strings(keys)
	for _, key := range keys {
		if key != "X-Forwarded-For" && key != "Forwarded" {
			fmt.Fprintf(w, "%s: %s\n", key, strings.Join(r.Header.Values(key), " | "))
		}
	}
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%d bytes, %v: %.20q\n", len(body), err, body)
}

func config(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	greeting, err := store.Get("greeting")
	fmt.Fprintf(w, "%q %v\n", greeting, err)
	_, err = store.Get("nothing")
	has, _ := store.Has("greeting")
	hasNot, _ := store.Has("nothing")
	fmt.Fprintln(w, err, has, hasNot)
	_, err = configstore.Open("elsewhere")
	fmt.Fprintln(w, err)
	dictionary, err := edgedict.Open("site")
	fmt.Fprintln(w, err)
	greeting, err = dictionary.Get("greeting")
	fmt.Fprintf(w, "%q %v\n", greeting, err)
}

func secrets(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	plain, err := secretstore.Plaintext("vault", "key")
	fmt.Fprintf(w, "%q %v\n", plain, err)
	_, err = secretstore.Plaintext("vault", "nothing")
	fmt.Fprintln(w, err)
	_, err = secretstore.Plaintext("elsewhere", "key")
	fmt.Fprintln(w, err)
	_, err = secretstore.Plaintext("site", "greeting")
	fmt.Fprintln(w, err)
	secret, err := secretstore.SecretFromBytes([]byte("made here"))
	fmt.Fprintln(w, err)
	plain, err = secret.Plaintext()
	fmt.Fprintf(w, "%q %v\n", plain, err)
}

// What a store answers, whatever it was asked.
func kv(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	words := strings.Split(r.URL.Query().Get("do"), " ")
	store, err := kvstore.Open(words[0])
	if err != nil {
		fmt.Fprintln(w, err)
		return
	}
	key := words[2]
	switch words[1] {
	case "get":
		var entry *kvstore.Entry
		if entry, err = store.Lookup(key); err == nil {
			fmt.Fprintf(w, "%q %q %v ", entry.String(), entry.Meta(), entry.Generation() > 0)
		}
	case "put":
		err = store.Insert(key, strings.NewReader(strings.Join(words[3:], " ")))
	case "size":
		n, _ := strconv.Atoi(words[3])
		err = store.Insert(key, strings.NewReader(strings.Repeat("x", n)))
	case "delete":
		err = store.Delete(key)
	}
	fmt.Fprintln(w, err)
}

// Passes the request on to a backend, and the response back.
func proxy(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	query := r.URL.Query()
	path := query.Get("path")
	request, err := fsthttp.NewRequest(r.Method, "http://origin.example"+path, nil)
	if err != nil {
		panic(err)
	}
	switch query.Get("body") {
	case "client":
		request.SetBody(r.Body) // as it comes
	case "stream":
		request.SetBody(io.NopCloser(r.Body))
	case "text":
		request.SetBody(strings.NewReader("some text"))
	}
	request.Header.Set("X-Sent", "yes")
	request.Header.Set("Connection", "X-Sent")
	request.CacheOptions.Pass = query.Get("pass") != ""
	response, err := request.Send(ctx, query.Get("backend"))
	if err != nil {
		w.WriteHeader(502)
		fmt.Fprintln(w, err)
		return
	}
	for _, key := range response.Header.Keys() {
		if key != "Date" {
			w.Header().Set(key, strings.Join(response.Header.Values(key), " | "))
		}
	}
	w.WriteHeader(response.StatusCode)
	if query.Get("append") != "" {
		fmt.Fprint(w, w.Append(response.Body), " ")
		return
	}
	n, err := io.Copy(w, response.Body)
	if err != nil {
		fmt.Fprintln(w, n, err)
	}
}

// Asks several at once.
func parallel(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	answers := make(chan string)
	for i := range 5 {
		go func() {
			request, _ := fsthttp.NewRequest("GET", fmt.Sprint("http://origin.example/wait?n=", i), nil)
			response, err := request.Send(ctx, "origin")
			if err != nil {
				answers <- err.Error()
				return
			}
			body, err := io.ReadAll(response.Body)
			answers <- fmt.Sprintf("%s %v", body, err)
		}()
	}
	var all []string
	for range 5 {
		all = append(all, <-answers)
	}
	sort.Strings(all)
	fmt.Fprintln(w, all)
}

func serve(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	started++
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	switch r.URL.Path {
	case "/request":
		request(w, r)
	case "/config":
		config(w, r)
	case "/secrets":
		secrets(w, r)
	case "/kv":
		kv(w, r)
	case "/proxy":
		proxy(ctx, w, r)
	case "/parallel":
		parallel(ctx, w, r)
	case "/backend":
		for _, name := range []string{"origin", "nobody", "elsewhere"} {
			backend, err := fsthttp.BackendFromName(name)
			if err != nil {
				fmt.Fprintln(w, err)
				continue
			}
			health, err := backend.Health()
			fmt.Fprintln(w, backend.Target(), backend.IsSSL(), backend.IsDynamic(), health, err)
		}
	case "/log":
		audit.Write([]byte("two\nlines\n"))
		fmt.Fprintf(rtlog.Open("second"), "instance %d", started)
		_, err := rtlog.Open("stdout").Write([]byte("x"))
		fmt.Fprintln(w, started, err)
	case "/none":
	case "/status":
		w.Header().Set("X-One", "1")
		w.Header().Add("X-Two", "2")
		w.Header().Add("X-Two", "zwei")
		w.Header().Set("Content-Length", "7") // is the host's affair
		w.WriteHeader(n)
		io.WriteString(w, "text")
	case "/length":
		w.SetManualFramingMode(true)
		w.Header().Set("Content-Length", "4")
		io.WriteString(w, r.URL.Query().Get("text"))
	case "/much":
		piece := strings.Repeat("0123456789abcdef", 4096)
		for ; n > 0; n-- {
			io.WriteString(w, piece)
		}
	case "/echo":
		io.Copy(w, r.Body)
	case "/append":
		fmt.Fprintln(w, "before")
		fmt.Fprint(w, w.Append(r.Body))
	case "/inject":
		w.Header().Set("X-A", "a\r\nSet-Cookie: stolen")
		w.Header().Set("X b", "c")
		w.Header().Set("X-Good", "yes")
		fmt.Fprintln(w, "sent")
	case "/panic":
		panic("on purpose")
	case "/geo":
		client, err := geo.Lookup(net.ParseIP(r.RemoteAddr))
		other, otherErr := geo.Lookup(net.ParseIP("198.51.100.1"))
		_, deviceErr := device.Lookup("Mozilla/5.0")
		fmt.Fprintf(w, "%q %v %q %v %v\n", client.CountryCode, err, other.CountryCode, otherErr, errors.Is(deviceErr, device.ErrDeviceNotFound))
	default:
		w.WriteHeader(404)
	}
}

func main() {
	switch os.Getenv("EAGER") {
	case "secret":
		secretstore.Plaintext("vault", "key")
	case "store":
		kvstore.Open("early")
	}
	fsthttp.ServeFunc(serve)
}
