// Markdown from standard input to HTML.
package main

import (
	"io"
	"os"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

func main() {
	source, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert(source, os.Stdout); err != nil {
		panic(err)
	}
}
