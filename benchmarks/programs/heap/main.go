// A net/http server with 128 MB of data in memory, none of it zero.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	data := make([]uint32, 32<<20)
	for i := range data {
		data[i] = uint32(i)*2654435761 | 1
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal("no listening socket at fd 3: ", err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		sum := uint32(0)
		for i := 0; i < 1000; i++ {
			sum += data[i*32771%len(data)]
		}
		fmt.Fprintln(w, sum)
	})
	log.Fatal(http.Serve(listener, nil))
}
