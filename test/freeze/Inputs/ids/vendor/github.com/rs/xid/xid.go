// Package xid keeps counter and machine as the library of this name does.
package xid

import (
	"crypto/rand"
	"crypto/sha256"
	"os"
	"sync/atomic"
	"time"
)

var (
	counter = start()
	machine = host()
)

func start() uint32 {
	bytes := make([]byte, 3)
	if _, err := rand.Reader.Read(bytes); err != nil {
		panic(err)
	}
	return uint32(bytes[0])<<16 | uint32(bytes[1])<<8 | uint32(bytes[2])
}

func host() []byte {
	id := make([]byte, 3)
	name, _ := os.Hostname()
	sum := sha256.Sum256([]byte(name))
	copy(id, sum[:])
	return id
}

func Machine() []byte { return machine }

func Next() uint32 {
	time.Now()
	return atomic.AddUint32(&counter, 1)
}
