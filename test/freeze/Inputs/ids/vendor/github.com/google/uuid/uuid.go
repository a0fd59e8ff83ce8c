// Package uuid keeps its node as the library of this name does.
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
