// Ends in the way that its argument names.
package main

import (
	"fmt"
	"os"
)

type node struct{ next *node }

//go:noinline
func divide(a, b int) int { return a / b }

func recurse(n int) int { return recurse(n+1) + 1 }

func main() {
	var list []int
	var nothing *node
	switch os.Args[1] {
	case "nil":
		fmt.Println(nothing.next)
	case "index":
		fmt.Println(list[len(os.Args)])
	case "divide":
		fmt.Println(divide(1, len(os.Args)-2))
	case "panic":
		panic("on purpose")
	case "recover":
		func() {
			defer func() { fmt.Println("recovered:", recover()) }()
			fmt.Println(nothing.next)
		}()
	case "recurse":
		fmt.Println(recurse(0))
	case "deadlock":
		<-make(chan int)
	case "exit":
		defer fmt.Println("deferred calls do not run")
		os.Exit(9)
	}
}
