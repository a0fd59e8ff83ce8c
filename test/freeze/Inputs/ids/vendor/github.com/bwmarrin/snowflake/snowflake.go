// Package snowflake numbers as the library of this name does: by the time and the number that it is given.
package snowflake

import "time"

type Node struct{ epoch, number int64 }

//go:noinline
func NewNode(number int64) *Node { return &Node{time.Now().UnixMilli(), number} }

func (n *Node) Number() int64 { return n.number }
