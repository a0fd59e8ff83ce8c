// A filter with a slow set-up: a table, a clock, goroutines and tickers that go on across the freeze, and random numbers.
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"hash/maphash"
	mathrand "math/rand"
	"os"
	"runtime"
	"sync"
	"time"
)

func setUp() map[int]int {
	start := time.Now()
	table := map[int]int{}
	for i := 0; time.Since(start) < 300*time.Millisecond; i++ {
		table[i%5000] = i
	}
	return table
}

func fresh() string {
	var secret [8]byte
	if _, err := rand.Read(secret[:]); err != nil {
		panic(err)
	}
	m := map[int]bool{}
	for i := 0; i < 64; i++ {
		m[i] = true
	}
	order := ""
	for k := range m {
		order += fmt.Sprint(k, ".")
	}
	return fmt.Sprintf("crypto %x\nmath %d\norder %s\nhash %x\n%s", secret, mathrand.Int63(), order, maphash.String(maphash.MakeSeed(), "x"), more())
}

var more = func() string { return "" } // what older versions of Go do not have: v2.go

func deep(n int) int {
	var pad [64]int
	if n == 0 {
		return pad[1]
	}
	return deep(n-1) + 1 + pad[n%64]
}

func main() {
	table := setUp()
	hour := time.AfterFunc(time.Hour, func() { fmt.Println("one hour fired") })
	defer hour.Stop()
	var mutex sync.Mutex
	requests, answers := make(chan string), make(chan string)
	go func() {
		for r := range requests {
			mutex.Lock()
			answers <- fmt.Sprint("worker got ", r, " with ", len(table), " entries")
			mutex.Unlock()
		}
	}()
	var held sync.Mutex
	held.Lock()
	got := make(chan bool)
	go func() {
		held.Lock()
		got <- true
	}()
	short := make(chan bool)
	var token [8]byte // tells one set-up from another
	if _, err := rand.Read(token[:]); err != nil {
		panic(err)
	}
	fmt.Printf("set up %x\n", token)
	defer fmt.Println("deferred ran")

	// Goes on behind the first read: the timer starts before the freeze and fires after it.
	begin := time.Now()
	time.AfterFunc(50*time.Millisecond, func() { close(short) })
	ticker := time.NewTicker(20 * time.Millisecond)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		requests <- lines.Text()
		fmt.Println(<-answers)
	}
	held.Unlock()
	<-got
	fmt.Println("mutex passed on")
	<-short
	<-ticker.C
	if passed := time.Since(begin); passed > 10*time.Second {
		fmt.Println("clock jumped", passed)
	}
	fmt.Println("short timer fired")
	fmt.Println(fresh())
	runtime.GC()
	fmt.Println("deep", deep(100000))
	runtime.GC()
}
