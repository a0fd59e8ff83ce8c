// A reactor with a set-up.
package main

import "fmt"

var table []int32

func init() {
	for i := int32(0); i < 1000; i++ {
		table = append(table, i*i)
	}
	fmt.Println("initialised")
}

//go:wasmexport entry
func entry(i, add int32) int32 { return table[i] + add }

//go:wasmexport square
func square(i int32) int32 { return table[i] }

func main() {}
