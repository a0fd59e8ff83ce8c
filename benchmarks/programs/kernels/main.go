// The kernels of the speed figures. Each is run twice; the second run is timed and its result printed as
//
//	name milliseconds checksum
//
// A checksum must be the same on every engine. Arguments choose kernels by name; none means all. The source and the sizes
// are fixed: figures from different commits stay comparable.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

type kernel struct {
	name string
	run  func() uint64
}

var kernels = []kernel{
	{"fib", runFib},
	{"nbody", runNBody},
	{"trees", runTrees},
	{"sieve", runSieve},
	{"matmul", runMatmul},
	{"channel", runChannel},
	{"map", runMap},
	{"json", runJSON},
	{"regexp", runRegexp},
	{"template", runTemplate},
	{"gzip", runGzip},
	{"sha256", runSHA256},
	{"sort", runSort},
}

func main() {
	wanted := map[string]bool{}
	for _, name := range os.Args[1:] {
		wanted[name] = true
	}
	for _, k := range kernels {
		if len(os.Args) > 1 && !wanted[k.name] {
			continue
		}
		delete(wanted, k.name)
		warm := k.run()
		runtime.GC()
		start := time.Now()
		checksum := k.run()
		elapsed := time.Since(start)
		if checksum != warm {
			fmt.Fprintf(os.Stderr, "%s: checksum changed from %016x to %016x\n", k.name, warm, checksum)
			os.Exit(1)
		}
		fmt.Printf("%s %.3f %016x\n", k.name, float64(elapsed.Nanoseconds())/1e6, checksum)
	}
	for name := range wanted {
		fmt.Fprintf(os.Stderr, "no kernel is called %s\n", name)
		os.Exit(2)
	}
}

// mix folds a value into a checksum (FNV-1a on 64 bits).
func mix(sum, value uint64) uint64 { return (sum ^ value) * 0x100000001b3 }

func mixBytes(sum uint64, bytes []byte) uint64 {
	for _, b := range bytes {
		sum = mix(sum, uint64(b))
	}
	return sum
}

const seed = 0xcbf29ce484222325

// random is xorshift64*: the same numbers in every Go version.
type random uint64

func (r *random) next() uint64 {
	x := uint64(*r)
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*r = random(x)
	return x * 0x2545f4914f6cdd1d
}
