// A program that listens and connects as programs do, for `aotc build`: says what became of it, then answers one
// connection with what it has said.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

var said strings.Builder

func say(format string, values ...any) {
	line := fmt.Sprintf(format, values...)
	fmt.Println(line)
	fmt.Fprintln(&said, line)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// What it sends comes back from a listener inside.
func echo(network, address string) {
	l, err := net.Listen(network, address)
	check(err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		check(err)
		io.Copy(c, c)
		c.Close()
	}()
	c, err := net.Dial(network, l.Addr().String())
	check(err)
	_, err = c.Write([]byte("to itself"))
	check(err)
	b := make([]byte, 9)
	_, err = io.ReadFull(c, b)
	check(err)
	say("inside %s: %s", network, b)
	c.Close()
}

func main() {
	begun := time.Now()
	for _, l := range []struct{ network, address string }{{"tcp", ":8080"}, {"tcp4", ":8080"}, {"tcp", "localhost:80"}, {"tcp", "0.0.0.0:0"}, {"tcp6", "[::1]:9"}} {
		first, err := net.Listen(l.network, l.address)
		check(err)
		_, err = net.Listen("tcp", "127.0.0.1:9090")
		say("%s %s listens on %s, second: %v %v", l.network, l.address, first.Addr(), err, errors.Is(err, syscall.EADDRINUSE))
		check(first.Close())
		_, err = first.Accept()
		say("closed: %v", errors.Is(err, net.ErrClosed))
	}
	// A deadline ends what waits, and Accept of one that is closed meanwhile.
	l, err := net.Listen("tcp", ":8080")
	check(err)
	l.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Millisecond))
	_, err = l.Accept()
	say("deadline: %v", os.IsTimeout(err))
	l.(*net.TCPListener).SetDeadline(time.Time{})
	time.AfterFunc(10*time.Millisecond, func() { l.Close() })
	_, err = l.Accept()
	say("closed meanwhile: %v", errors.Is(err, net.ErrClosed))

	echo("tcp", "127.0.0.1:0")
	echo("tcp", "localhost:0")
	for _, to := range []struct{ network, address string }{{"tcp", "192.0.2.1:80"}, {"tcp", "127.0.0.1:5432"}, {"tcp", "localhost:6379"}, {"udp", "192.0.2.1:53"}, {"unix", "/run/db"}, {"tcp", "db.example:5432"}} {
		_, err := net.Dial(to.network, to.address)
		say("dial: %v, %v", err, errors.Is(err, syscall.ENETUNREACH))
	}
	for _, name := range []string{"localhost", "LOCALHOST.", "example.com"} {
		found, err := net.LookupHost(name)
		say("%s: %v %v", name, found, err)
	}
	_, err = net.LookupTXT("example.com")
	say("TXT: %v", err)
	_, err = net.LookupAddr("192.0.2.1")
	say("PTR: %v", err)
	say("at once: %v", time.Since(begun) < 5*time.Second)

	l, err = net.Listen("tcp", ":8080")
	check(err)
	c, err := l.Accept()
	check(err)
	_, err = io.WriteString(c, said.String())
	check(err)
	check(c.Close())
}
