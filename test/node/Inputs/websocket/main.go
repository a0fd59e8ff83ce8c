// A server of WebSockets by three libraries, and of connections that it takes over and writes to itself. Listens on
// fd 3, or natively where its first argument says.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	xnet "golang.org/x/net/websocket"
)

var served int // by this instance

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

// With gorilla's, as most programs have it: a goroutine reads, another one writes.
func echoGorilla(w http.ResponseWriter, r *http.Request) {
	up := gorilla.Upgrader{EnableCompression: true, Subprotocols: []string{"aotc.echo"}, CheckOrigin: func(*http.Request) bool { return true }}
	c, err := up.Upgrade(w, r, http.Header{"X-Own": {"yes"}})
	if err != nil {
		return
	}
	served++
	type message struct {
		kind int
		data []byte
	}
	out := make(chan message)
	go func() {
		defer c.Close()
		for m := range out {
			if c.WriteMessage(m.kind, m.data) != nil {
				return
			}
		}
	}()
	defer close(out)
	for {
		kind, data, err := c.ReadMessage()
		if err != nil {
			fmt.Fprintln(os.Stderr, "gorilla ends:", err)
			return
		}
		switch string(data) {
		case "spin":
			for i := 0; ; i++ {
				if i < 0 {
					return
				}
			}
		case "exit":
			os.Exit(3)
		case "panic":
			go panic("of a message")
			time.Sleep(time.Minute)
		case "served":
			data = strconv.AppendInt(nil, int64(served), 10)
		}
		out <- message{kind, data}
	}
}

func echoCoder(w http.ResponseWriter, r *http.Request) {
	c, err := coder.Accept(w, r, &coder.AcceptOptions{InsecureSkipVerify: true, CompressionMode: coder.CompressionContextTakeover})
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 24)
	for {
		kind, data, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}

func tick(w http.ResponseWriter, r *http.Request) {
	up := gorilla.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for i := range number(r, "n") {
		time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
		c.WriteMessage(gorilla.TextMessage, strconv.AppendInt(nil, int64(i), 10))
	}
	c.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "enough"), time.Now().Add(time.Second))
}

// What it reads it writes in capitals; told that nothing more comes, it says so.
func raw(w http.ResponseWriter, r *http.Request) {
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	defer c.Close()
	io.WriteString(c, "HTTP/1.1 101 Go On\r\nUpgrade: websocket\r\nConnection: X-Own, Upgrade\r\nX-Own: no\r\nX-Other: yes\r\n\r\n"+r.URL.Query().Get("first"))
	if wait := number(r, "wait"); wait > 0 {
		time.Sleep(time.Duration(wait) * time.Millisecond)
	}
	if n := number(r, "push"); n > 0 {
		piece := []byte(strings.Repeat("0123456789abcdef", 1024))
		for ; n > 0; n -= len(piece) {
			if _, err := c.Write(piece[:min(n, len(piece))]); err != nil {
				return
			}
		}
		return
	}
	in, data, total := bufio.NewReader(buffered), make([]byte, 16<<10), 0
	for {
		n, err := in.Read(data)
		total += n
		if err != nil {
			fmt.Fprintf(c, "[%d and %v]", total, err)
			return
		}
		if _, err := c.Write([]byte(strings.ToUpper(string(data[:n])))); err != nil {
			return
		}
	}
}

// It says itself what comes back.
func says(w http.ResponseWriter, r *http.Request) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	defer c.Close()
	io.WriteString(c, strings.ReplaceAll(r.URL.Query().Get("what"), "|", "\r\n"))
	time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
}

func main() {
	http.HandleFunc("/gorilla", echoGorilla)
	http.HandleFunc("/coder", echoCoder)
	http.Handle("/xnet", xnet.Handler(func(c *xnet.Conn) {
		c.PayloadType = xnet.BinaryFrame
		io.Copy(c, c)
	}))
	http.HandleFunc("/tick", tick)
	http.HandleFunc("/raw", raw)
	http.HandleFunc("/says", says)
	http.HandleFunc("/any", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %q %q %q\n", r.Method, r.Proto, r.Header["Connection"], r.Header["Upgrade"], r.Header["Sec-Websocket-Key"])
	})
	var listener net.Listener
	var err error
	if len(os.Args) > 1 {
		listener, err = net.Listen("tcp", os.Args[1])
		fmt.Println(listener.Addr())
	} else {
		listener, err = net.FileListener(os.NewFile(3, "listener"))
	}
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, nil))
}
