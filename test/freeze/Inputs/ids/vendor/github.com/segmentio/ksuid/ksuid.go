// Package ksuid keeps a generator as the library of this name does.
package ksuid

import (
	crypto "crypto/rand"
	"encoding/binary"
	"io"
	"math/rand"
)

type reader struct{ source rand.Source64 }

func (r *reader) Read(bytes []byte) (int, error) {
	binary.LittleEndian.PutUint64(bytes, r.source.Uint64())
	return 8, nil
}

var FastRander = func() io.Reader {
	var seed [8]byte
	if _, err := io.ReadFull(crypto.Reader, seed[:]); err != nil {
		panic(err)
	}
	return &reader{rand.NewSource(int64(binary.LittleEndian.Uint64(seed[:]))).(rand.Source64)}
}()
