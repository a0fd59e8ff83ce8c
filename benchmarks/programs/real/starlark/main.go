// A Starlark program from standard input.
package main

import (
	"fmt"
	"os"

	"go.starlark.net/lib/json"
	"go.starlark.net/lib/math"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func main() {
	known := starlark.StringDict{"json": json.Module, "math": math.Module}
	thread := &starlark.Thread{Name: "main"}
	globals, err := starlark.ExecFileOptions(&syntax.FileOptions{}, thread, "program.star", os.Stdin, known)
	if err != nil {
		panic(err)
	}
	fmt.Println(globals)
}
