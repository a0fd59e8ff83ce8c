// Says hello to its first argument and exits with its second.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Println("hello from", strings.Join(strings.Split(runtime.Version(), ".")[:2], "."))
		return
	}
	fmt.Println("hello,", os.Args[1])
	if len(os.Args) > 2 {
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	}
}
