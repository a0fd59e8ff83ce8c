// Makes identifiers before it waits for input, and again after, with packages that are like popular ones as far as their state
// goes; and keeps what looks the same and is the program's own.
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	math "math/rand"
	"time"

	"github.com/bwmarrin/snowflake"
	"github.com/oklog/ulid/v2"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"ids/identifiers"
)

func draw(size int) []byte {
	bytes := make([]byte, size)
	if _, err := io.ReadFull(rand.Reader, bytes); err != nil {
		panic(err)
	}
	return bytes
}

var (
	keys   = [][]byte{draw(3), draw(4), draw(5), draw(6), draw(12)}
	fixed  = ulid.Monotonic(math.New(math.NewSource(42)))
	timed  = ulid.Monotonic(math.New(math.NewSource(time.Now().UnixNano())))
	seeded = math.New(math.NewSource(42))
)

func main() {
	before := identifiers.Make()
	node := snowflake.NewNode(8)
	nodes := []*snowflake.Node{node, node.Copy()}
	var line string
	fmt.Scanln(&line)
	fmt.Println("before", before)
	fmt.Println("keys", fmt.Sprintf("%x", keys), fmt.Sprintf("%x", primitive.Process()), len(nodes))
	fmt.Println("own", seeded.Int63(), identifiers.Read(fixed), identifiers.Read(timed))
	for i := 0; i < 3; i++ {
		for _, id := range identifiers.Make() {
			fmt.Println(id)
		}
	}
}
