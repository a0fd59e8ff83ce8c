// Package ulid keeps its default entropy as the library of this name does.
package ulid

import (
	"bufio"
	"io"
	"math"
	"math/rand"
	"sync"
	"time"
)

type source interface{ Int63n(n int64) int64 }

type monotonic struct {
	io.Reader
	ms, inc uint64
	high    uint16
	low     uint64
	rand    [8]byte
	rng     source
}

func (m *monotonic) next(id []byte) { io.ReadFull(m, id) }

type nexter interface{ next(id []byte) }

type Locked struct {
	mu sync.Mutex
	nexter
}

func (l *Locked) Read(id []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next(id)
	return len(id), nil
}

// Monotonic is one over any generator.
func Monotonic(rng *rand.Rand) *Locked {
	return &Locked{nexter: &monotonic{Reader: bufio.NewReader(rng), inc: math.MaxUint32, rng: rng}}
}

var entropy = func() io.Reader {
	return Monotonic(rand.New(rand.NewSource(time.Now().UnixNano())))
}()

func Make() []byte {
	time.Now()
	id := make([]byte, 10)
	entropy.Read(id)
	return id
}
