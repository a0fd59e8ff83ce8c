// Kernels that live in Go's runtime: the scheduler, maps and the allocator; and sorting, whose whole cost is generic code.
package main

import (
	"sort"
	"strconv"
)

func runChannel() uint64 {
	const rounds = 350_000
	ping, pong := make(chan uint64), make(chan uint64)
	go func() {
		for v := range ping {
			pong <- v*3 + 1
		}
		close(pong)
	}()
	sum := uint64(seed)
	for i := uint64(0); i < rounds; i++ {
		ping <- i
		sum = mix(sum, <-pong)
	}
	close(ping)
	<-pong
	return sum
}

func runMap() uint64 {
	const keys, lookups = 4_000, 5_000_000 // within the caches: a larger map would measure the memory
	names := make([]string, keys)
	for i := range names {
		names[i] = "user:" + strconv.Itoa(i*7919) + ":profile"
	}
	counts := map[string]int{}
	for i, name := range names {
		counts[name] = i
	}
	r := random(seed)
	var sum uint64
	for i := 0; i < lookups; i++ {
		name := names[r.next()%keys]
		counts[name]++
		sum += uint64(counts[name])
	}
	for _, name := range names[:keys/2] {
		delete(counts, name)
	}
	for _, count := range counts {
		sum += uint64(count)
	}
	return mix(sum, uint64(len(counts)))
}

func runSort() uint64 {
	const count = 2_400_000
	r := random(seed)
	values := make([]int, count)
	for i := range values {
		values[i] = int(r.next())
	}
	sort.Ints(values)
	sum := uint64(seed)
	for _, v := range values {
		sum = mix(sum, uint64(v))
	}
	return sum
}
