// Draws random bytes before it waits for input, and again after: a key, from a buffered reader, from a pool of identifiers, and
// from a reader whose unread bytes it has changed and one that is another's.
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"os"

	"draws/keys"
	"github.com/google/uuid"
)

// A source of numbers made of random ones, which nobody knows.
type doubled struct{ r io.Reader }

func (d doubled) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	for i := range p[:n] {
		p[i] *= 2
	}
	return n, err
}

func next(r io.Reader) string {
	var bytes [8]byte
	if _, err := io.ReadFull(r, bytes[:]); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", bytes)
}

func main() {
	buffered, other := bufio.NewReader(rand.Reader), bufio.NewReaderSize(doubled{rand.Reader}, 64)
	changed := bufio.NewReaderSize(rand.Reader, 32)
	before, id := next(buffered), uuid.New()
	next(other)
	next(changed)
	unread, _ := changed.Peek(8)
	copy(unread, "written!")
	var line string
	fmt.Scanln(&line)
	fmt.Println("key", fmt.Sprintf("%x", keys.Key), "before", before, fmt.Sprintf("%x", id))
	fmt.Println("buffered", next(buffered))
	fmt.Printf("pool %x\n", uuid.New())
	fmt.Println("changed", next(changed), "other", next(other))
	os.Exit(0)
}
