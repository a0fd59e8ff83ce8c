// Arguments, environment, standard streams, clocks, random numbers.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"sort"
	"time"
)

func main() {
	fmt.Printf("args %q\n", os.Args[1:])
	env := os.Environ()
	sort.Strings(env)
	fmt.Printf("env %q\n", env)
	lines := bufio.NewScanner(os.Stdin)
	count := 0
	for lines.Scan() {
		count += len(lines.Bytes())
	}
	fmt.Println("stdin", count)
	fmt.Fprintln(os.Stderr, "to standard error")
	start := time.Now()
	time.Sleep(20 * time.Millisecond)
	elapsed := time.Since(start)
	fmt.Println("slept", elapsed >= 20*time.Millisecond, elapsed < 5*time.Second, time.Now().Year() >= 2024)
	a, b := make([]byte, 1<<17), make([]byte, 1<<17)
	rand.Read(a)
	rand.Read(b)
	fmt.Println("random", !bytes.Equal(a, b), !bytes.Equal(a[:64], make([]byte, 64)))
}
