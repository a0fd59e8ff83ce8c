// Does, before it waits for input, what the first argument says.
package main

import (
	"bytes"
	"os"
	"unsafe"
)

//go:wasmimport wasi_snapshot_preview1 fd_renumber
func renumber(from, to int32) uint32

func main() {
	switch os.Args[1] {
	case "write":
		os.Stdout.Write(bytes.Repeat([]byte("much\n"), 1<<18))
	case "renumber":
		if errno := renumber(4, 5); errno != 0 {
			os.Exit(int(errno))
		}
	case "trap":
		*(*byte)(unsafe.Pointer(^uintptr(0) &^ 7 & 0xffffffff)) = 1
	case "spin":
		for {
		}
	}
	os.Stdin.Read(make([]byte, 1))
}
