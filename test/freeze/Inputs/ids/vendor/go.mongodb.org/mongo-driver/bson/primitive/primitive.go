// Package primitive is a version of the library that nobody has looked at yet.
package primitive

import (
	"crypto/rand"
	"io"
)

var process = draw()

func draw() (bytes [5]byte) {
	if _, err := io.ReadFull(rand.Reader, bytes[:]); err != nil {
		panic(err)
	}
	return bytes
}

func Process() []byte { return process[:] }
