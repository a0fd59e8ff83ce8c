// A filter that says in which order package edge and its input come.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"

	"aotc/edge"
)

func main() {
	edge.OnThaw(func() {
		runtime.Gosched()
		time.Sleep(time.Millisecond)
		greeting, err := edge.Config("greeting")
		if err != nil {
			panic(err)
		}
		fmt.Printf("at the thaw: greeting %q\n", greeting)
	})
	edge.OnThaw(func() { fmt.Println("and then: thawed", edge.Thawed()) })
	_, err := edge.Secret("key")
	fmt.Println("main", edge.Thawed(), err)
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	fmt.Printf("read %q\n", input)
	_, err = edge.Config("none")
	fmt.Println("no such value:", errors.Is(err, fs.ErrNotExist))
}
