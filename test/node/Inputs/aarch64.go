// A server that does as it is asked, on a node of another architecture. Without net/http, which is much to compile.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"unsafe"
)

//go:noinline
func spin() {
	for i := 0; ; i++ {
		if i < 0 {
			return
		}
	}
}

func ask(address string) string {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err.Error()
	}
	fmt.Fprint(c, "GET /asked HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	answer, _ := io.ReadAll(c)
	return string(answer)
}

func answer(stage, target string) string {
	switch what, argument, _ := strings.Cut(target[1:], "?"); what {
	case "ask":
		return ask(argument)
	case "trap":
		*(*byte)(unsafe.Pointer(uintptr(0xfffffff0))) = 1
	case "spin":
		spin()
	}
	return stage + ": you asked for " + target + "\n"
}

func main() {
	stage := os.Getenv("STAGE")
	listener, err := net.Listen("tcp", ":8080")
	for err == nil {
		var c net.Conn
		if c, err = listener.Accept(); err != nil {
			break
		}
		request := make([]byte, 4096)
		n, _ := c.Read(request)
		body := answer(stage, strings.Fields(string(request[:n]))[1])
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		c.Close()
	}
	log.Fatal(err)
}
