// Package snowflake keeps its generators, and asks for the time, as the library of this name does.
package snowflake

import (
	"sync"
	"time"
)

const (
	numberBits, stepBits = 10, 12
	epoch                = 1288834974657
)

type Node struct {
	mu     sync.Mutex
	epoch  time.Time
	time   int64
	number int64
	step   int64

	most, numberMask, stepMask int64
	timeShift, numberShift     uint8
}

//go:noinline
func NewNode(number int64) *Node {
	n := &Node{number: number, most: 1<<numberBits - 1, stepMask: 1<<stepBits - 1, timeShift: numberBits + stepBits, numberShift: stepBits}
	n.numberMask = n.most << stepBits
	now := time.Now()
	n.epoch = now.Add(time.UnixMilli(epoch).Sub(now))
	return n
}

// Copy is another generator of the same numbers, which nobody is to make.
func (n *Node) Copy() *Node {
	return &Node{epoch: n.epoch, number: n.number, most: n.most, numberMask: n.numberMask, stepMask: n.stepMask, timeShift: n.timeShift, numberShift: n.numberShift}
}

func (n *Node) passed() int64 { return time.Since(n.epoch).Milliseconds() }

func (n *Node) Generate() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.passed()
	if now != n.time {
		n.step = 0
	} else if n.step = (n.step + 1) & n.stepMask; n.step == 0 {
		for now <= n.time {
			now = n.passed()
		}
	}
	n.time = now
	return now<<n.timeShift | n.number<<n.numberShift | n.step
}
