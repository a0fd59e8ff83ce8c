// Never waits for input.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("done")
	os.Exit(5)
}
