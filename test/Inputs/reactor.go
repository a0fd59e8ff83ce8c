// A reactor: exported functions that a host calls after _initialize.
package main

import "strings"

var calls int

//go:wasmexport add
func add(a, b int32) int32 {
	calls++
	done := make(chan int32)
	go func() { done <- a + b }()
	return <-done
}

//go:wasmexport mixed
func mixed(a int64, b float64, c float32) float64 {
	return float64(a)*b + float64(len(strings.Repeat("x", int(c))))
}

// Of the type that Go's own functions have.
//
//go:wasmexport twice
func twice(a int32) int32 {
	done := make(chan int32)
	go func() { done <- 2 * a }()
	return <-done
}

func main() {}
