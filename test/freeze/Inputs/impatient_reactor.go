// A reactor that waits for input before it is initialised.
package main

import "os"

func init() { os.Stdin.Read(make([]byte, 1)) }

//go:wasmexport entry
func entry() {}

func main() {}
