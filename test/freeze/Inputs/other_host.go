// A program that waits in an import of no WASI: env.wait gives a number, env.put takes one back.
package main

//go:wasmimport env wait
func wait(channel int32) int32

//go:wasmimport env put
func put(value int32)

func main() {
	squares := map[int32]int32{}
	for i := int32(0); i < 1000; i++ {
		squares[i] = i * i
	}
	for sum := int32(0); ; {
		sum += squares[wait(7)]
		put(sum)
	}
}
