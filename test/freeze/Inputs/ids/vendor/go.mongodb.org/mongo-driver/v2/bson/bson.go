// Package bson keeps counter and process as the library of this name does.
package bson

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"sync/atomic"
	"time"
)

var (
	counter = binary.LittleEndian.Uint32(draw(4))
	process = [5]byte(draw(5))
)

func draw(size int) []byte {
	bytes := make([]byte, size)
	if _, err := io.ReadFull(rand.Reader, bytes); err != nil {
		panic(err)
	}
	return bytes
}

func Process() []byte { return process[:] }

func Next() uint32 {
	time.Now()
	return atomic.AddUint32(&counter, 1)
}
