// Goroutines, channels, select, timers, mutexes, garbage collection: everything that unwinds and re-enters stacks.
package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

func worker(ctx context.Context, jobs <-chan int, results chan<- int) {
	for {
		select {
		case n, ok := <-jobs:
			if !ok {
				return
			}
			results <- n * n
		case <-ctx.Done():
			return
		}
	}
}

func deep(n int, ping chan int) int {
	if n == 0 {
		ping <- 1
		return <-ping
	}
	return deep(n-1, ping) + 1
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	jobs, results := make(chan int), make(chan int, 4)
	for i := 0; i < 8; i++ {
		go worker(ctx, jobs, results)
	}
	go func() {
		for i := 1; i <= 1000; i++ {
			jobs <- i
		}
	}()
	sum := 0
	for i := 0; i < 1000; i++ {
		sum += <-results
	}
	cancel()
	fmt.Println("sum of squares", sum)

	ping := make(chan int)
	go func() { ping <- <-ping + 41 }()
	fmt.Println("blocked deep in a stack", deep(500, ping))

	var group sync.WaitGroup
	var mutex sync.Mutex
	total, kept := 0, [][]byte{}
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			time.Sleep(time.Duration(i%5) * time.Millisecond)
			mutex.Lock()
			total += i
			kept = append(kept, make([]byte, 10000))
			mutex.Unlock()
			runtime.Gosched()
		}(i)
	}
	group.Wait()
	runtime.GC()
	fmt.Println("total", total, len(kept))

	start := time.Now()
	select {
	case <-time.After(30 * time.Millisecond):
		fmt.Println("timer", time.Since(start) >= 30*time.Millisecond)
	}
}
