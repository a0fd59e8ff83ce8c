// Go's own HTTP client against the server at os.Args[1]: kept connections, many at once, streams both ways, cancellation;
// by HTTP/2 if os.Args[2] says so.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

var base = "http://" + os.Args[1]

func show(what string, response *http.Response, err error) {
	if err != nil {
		fmt.Println(what, "error")
		return
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	fmt.Printf("%s %d %d %x %v\n", what, response.StatusCode, len(body), sha256.Sum256(body), err)
}

func main() {
	if len(os.Args) > 2 && os.Args[2] == "http2" {
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		http.DefaultTransport.(*http.Transport).Protocols = &protocols
	}
	for i := 0; i < 3; i++ {
		response, err := http.Get(fmt.Sprint(base, "/hello?", i))
		show("get", response, err)
	}
	response, err := http.Head(base + "/big?n=1000&length")
	show("head", response, err)
	// A body of unknown length, sent in chunks.
	response, err = http.Post(base+"/echo", "text/plain", io.MultiReader(strings.NewReader("some "), strings.NewReader("text")))
	show("chunks", response, err)
	response, err = http.Post(base+"/digest", "", io.LimitReader(strings.NewReader(strings.Repeat("0123456789", 300000)), 3000000))
	show("upload", response, err)
	response, err = http.Get(base + "/parts?n=50")
	show("parts", response, err)

	results := make([]string, 64)
	var all sync.WaitGroup
	for i := range results {
		all.Add(1)
		go func() {
			defer all.Done()
			response, err := http.Get(fmt.Sprint(base, "/big?n=", i*1000))
			if err == nil {
				n, err := io.Copy(io.Discard, response.Body)
				results[i] = fmt.Sprint(n, err)
				response.Body.Close()
			}
		}()
	}
	all.Wait()
	fmt.Println(results)

	// A request that is cancelled while the handler waits.
	ctx, cancel := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, "GET", base+"/hold", nil)
	response, err = http.DefaultClient.Do(request)
	if err == nil {
		n, _ := io.ReadFull(response.Body, make([]byte, 4096))
		fmt.Println("held", n)
	}
	cancel()
	_, err = io.ReadAll(response.Body)
	fmt.Println("cancelled", err)
}
