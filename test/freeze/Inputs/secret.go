// Takes secrets from its environment at the start, looks at one before it waits for input if its argument says how, and
// prints them after it.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

var key, token = os.Getenv("API_KEY"), os.Getenv("TOKEN")

func main() {
	if key == "" || len(token) != 9 || os.Getenv("MODE") != "test" || token == "debug" {
		os.Exit(3)
	}
	kept := ""
	switch os.Args[1] {
	case "hash":
		kept = fmt.Sprintf("%x", sha256.Sum256([]byte(token)))
	case "prefix":
		kept = fmt.Sprint(strings.HasPrefix(token, "s"))
	case "suffix":
		kept = fmt.Sprint(token[len(token)-1] == 's')
	case "copy":
		kept = "Bearer " + token
	case "compare":
		kept = fmt.Sprint(token == "123456789")
	case "search":
		kept = fmt.Sprint(strings.IndexByte(token, 'x'))
	case "print":
		os.Stdout.WriteString(token)
	case "environ":
		kept = fmt.Sprint(bytes.Contains([]byte(strings.Join(os.Environ(), "")), []byte("x")))
	case "open":
		_, err := os.Open("/data/" + token)
		kept = fmt.Sprint(err != nil)
	case "goroot":
		kept = runtime.GOROOT()
	}
	io.Copy(io.Discard, os.Stdin)
	fmt.Println("secrets", key, token, os.Getenv("TOKEN"), strings.ToUpper(key), kept)
	for i := 0; i < 3; i++ {
		junk = make([]byte, 8<<20)
	}
	os.Stdout.WriteString(key)
	fmt.Println("", len(junk), key == os.Getenv("API_KEY"))
}

var junk []byte
