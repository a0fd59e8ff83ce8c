// Tries to leave its preopened directory /box, and prints what it could reach.
package main

import (
	"fmt"
	"os"
)

func main() {
	for _, path := range []string{
		"/box/../secret", "/box/inner/../../secret", "/secret", "/etc/passwd", "/box/../box/inside", "/box/out", "/box/absolute",
		"/box/loop", "/box/up/secret", "/box/inner/back/inside", "/box/inside",
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			fmt.Println(path, "refused")
		} else {
			fmt.Println(path, "=", string(text))
		}
	}
	for _, path := range []string{"/box/../new", "/box/up/new", "/box/absolute", "/box/out"} {
		if os.WriteFile(path, []byte("written"), 0o644) == nil {
			fmt.Println("WROTE", path)
		}
	}
	fmt.Println("mkdir", os.Mkdir("/box/up/dir", 0o755) != nil, "rename", os.Rename("/box/inside", "/box/up/stolen") != nil,
		"remove", os.Remove("/box/up/secret") != nil, "link", os.Link("/box/up/secret", "/box/mine") != nil)
}
