// A JavaScript program from standard input.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/dop251/goja"
)

func main() {
	source, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	value, err := goja.New().RunString(string(source))
	if err != nil {
		panic(err)
	}
	fmt.Println(value)
}
