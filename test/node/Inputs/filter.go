// A program that knows no HTTP: it copies stdin to stdout in capitals after a line of its own, or after very much
// with an argument. A word at the beginning of
// the input makes it fail, before or after it wrote something, trap, hang, end without having read everything, or log what it reads.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	fmt.Println("before the input")
	if len(os.Args) > 1 {
		os.Stdout.Write(make([]byte, 300000))
	}
	in := bufio.NewReaderSize(os.Stdin, 64<<10)
	start, _ := in.Peek(5)
	word := string(start)
	switch word {
	case "fail!":
		os.Exit(3)
	case "trap!":
		panic("as asked")
	case "hang!":
		for {
		}
	case "write":
		io.Copy(os.Stderr, in)
		return
	case "sleep":
		time.Sleep(50 * time.Millisecond)
	case "early":
		fmt.Println("enough")
		return
	}
	piece := make([]byte, 32<<10)
	for {
		n, err := in.Read(piece)
		os.Stdout.Write(bytes.ToUpper(piece[:n]))
		if err == io.EOF {
			break
		}
	}
	if word == "late!" {
		os.Exit(4)
	}
}
