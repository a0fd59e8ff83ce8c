// Beside stdin.go, from Go 1.22 on.
package main

import (
	"fmt"
	"math/rand/v2"
)

func init() {
	more = func() string { return fmt.Sprint("v2 ", rand.Uint64()) }
}
