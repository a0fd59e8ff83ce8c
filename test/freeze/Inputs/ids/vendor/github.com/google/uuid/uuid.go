// Package uuid is a version of the library that nobody has looked at yet.
package uuid

import (
	"crypto/rand"
	"io"
)

var node [6]byte

func Node() []byte {
	if node == [6]byte{} {
		io.ReadFull(rand.Reader, node[:])
	}
	return node[:]
}
