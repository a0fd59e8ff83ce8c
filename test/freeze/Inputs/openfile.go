// Waits for input while a file is open.
package main

import (
	"io"
	"os"
)

func main() {
	f, err := os.Open("/data/openfile.go")
	if err != nil {
		panic(err)
	}
	io.Copy(io.Discard, os.Stdin)
	f.Close()
}
