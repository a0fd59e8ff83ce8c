// A program whose output is a page, for packaging/check.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	io.Copy(io.Discard, os.Stdin)
	fmt.Println("a page of a node")
}
