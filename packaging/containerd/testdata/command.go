// What a container's command can see and do, for packaging/containerd/check.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
)

func main() {
	note, err := os.ReadFile("/etc/note")
	input, _ := io.ReadAll(os.Stdin)
	fmt.Printf("args %q, GREETING %q, note %q %v, input %q\n", os.Args[1:], os.Getenv("GREETING"), note, err, input)
	fmt.Fprintln(os.Stderr, "to stderr")
	code, _ := strconv.Atoi(os.Getenv("CODE"))
	os.Exit(code)
}
