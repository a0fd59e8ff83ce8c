// A net/http server that takes 300 ms to set itself up, on any machine, and looks up what it built then.
package main

import (
	"crypto/sha256"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	table := map[[4]byte]int{}
	digest := sha256.Sum256(nil)
	for start, i := time.Now(), 0; time.Since(start) < 300*time.Millisecond; i++ {
		digest = sha256.Sum256(digest[:])
		if i < 20000 {
			table[[4]byte(digest[:4])] = i
		}
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal("no listening socket at fd 3: ", err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		key := sha256.Sum256([]byte(r.URL.Path))
		fmt.Fprintf(w, "%s is number %d of %d\n", r.URL.Path, table[[4]byte(key[:4])], len(table))
	})
	log.Fatal(http.Serve(listener, nil))
}
