// Package uuid is as the library of this name, as far as its pool of random bytes goes.
package uuid

import (
	"crypto/rand"
	"io"
	"sync"
)

var (
	mutex    sync.Mutex
	position = 256
	pool     [256]byte
)

func newRandomFromPool() (id [16]byte, err error) {
	mutex.Lock()
	defer mutex.Unlock()
	if position == len(pool) {
		if _, err = io.ReadFull(rand.Reader, pool[:]); err != nil {
			return id, err
		}
		position = 0
	}
	copy(id[:], pool[position:])
	position += len(id)
	return id, nil
}

func New() [16]byte {
	id, err := newRandomFromPool()
	if err != nil {
		panic(err)
	}
	return id
}
