// Allocates as many megabytes as its argument says and keeps them.
package main

import (
	"fmt"
	"os"
	"strconv"
)

var kept [][]byte

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	for i := 0; i < n; i++ {
		block := make([]byte, 1<<20)
		for j := range block {
			block[j] = 1
		}
		kept = append(kept, block)
	}
	fmt.Println("allocated", len(kept), "MB")
}
