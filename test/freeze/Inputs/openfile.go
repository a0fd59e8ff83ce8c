// Waits for input while a file is open that it has read the first line of; or, with the argument "dir", while a directory is.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	name := "/data/sub/file"
	if len(os.Args) > 1 {
		name = "/data/sub"
	}
	f, err := os.Open(name)
	if err != nil {
		panic(err)
	}
	first := make([]byte, 6)
	io.ReadFull(f, first)
	io.Copy(io.Discard, os.Stdin)
	rest := bufio.NewScanner(f)
	rest.Scan()
	fmt.Printf("%sthen %s\n", first, rest.Text())
	_, err = f.WriteString("x")
	fmt.Println(err)
	if err := f.Close(); err != nil {
		panic(err)
	}
}
