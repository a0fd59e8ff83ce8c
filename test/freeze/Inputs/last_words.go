// Ends before it waits for input, in the way that its argument says.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

func deep(n int) int {
	if n == 0 {
		panic("a message\x1b[2J above a long traceback")
	}
	return deep(n-1) + 1
}

func main() {
	switch os.Args[1] {
	case "panic":
		deep(30)
	case "listen":
		fmt.Fprintln(os.Stderr, http.ListenAndServe(":8080", nil))
	case "lines":
		for i := 1; i <= 3000; i++ {
			fmt.Fprintf(os.Stderr, "line %d of stderr\n", i)
		}
		fmt.Fprintln(os.Stdout, "a line of stdout")
		fmt.Fprintf(os.Stderr, "bell \a, escape \x1b[2J, c1 \u009b2J, not UTF-8 \xff\xc3, UTF-8 é, tab\there\r\n%s\n", strings.Repeat("long", 200))
		os.Exit(7)
	case "sleep":
		time.Sleep(20 * time.Millisecond)
		fmt.Fprintln(os.Stderr, "it has slept")
		os.Exit(9)
	case "silent":
		os.Exit(8)
	case "environment":
		fmt.Fprintln(os.Stderr, len(os.Environ()), os.Getenv("V4095"))
	}
}
