// A server without net/http. What it does between accepting its connection and reading the request depends on its
// argument: nothing but counting, answer, draw random
// bytes, write to /tmp, sleep, close another descriptor, or end.
package main

import (
	"bufio"
	cryptorand "crypto/rand"
	"fmt"
	"log"
	"math/rand"
	"net"
	"os"
	"time"
)

var accepted int

func serve(c net.Conn) {
	accepted++
	log.Print("accepted")
	opened := time.Now()
	switch os.Args[1] {
	case "answer":
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nearly\n")
	case "draw":
		cryptorand.Read(make([]byte, 8))
	case "write":
		os.WriteFile("/tmp/accepted", []byte("accepted"), 0o600)
	case "sleep":
		time.Sleep(20 * time.Millisecond)
	case "close":
		os.Stdin.Close()
	case "end":
		os.Exit(3)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		log.Print(err)
		c.Close()
		return
	}
	waited := time.Since(opened) < time.Second // and not since the app was loaded
	body := fmt.Sprintf("%d accepted, clock continues: %v, drew %d\n", accepted, waited, rand.Uint64())
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	c.Close()
}

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal(err)
	}
	for {
		c, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(c)
	}
}
