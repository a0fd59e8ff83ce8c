// A program for profilers: spends half a second in main.middle, or in main.spin where that is not inlined into it.
package main

import (
	"fmt"
	"time"
)

//go:noinline
func spin(n uint32) uint32 {
	for i := uint32(0); i < 1<<20; i++ {
		n = n*1664525 + 1013904223
	}
	return n
}

//go:noinline
func middle(n uint32) uint32 {
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		n = spin(n) + 1
	}
	return n
}

//go:noinline
func outer(n uint32) uint32 { return middle(n) ^ 1 }

func main() { fmt.Println(outer(1) != 0) }
