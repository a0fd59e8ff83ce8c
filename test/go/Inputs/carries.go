// What is spelled in halves and bits for want of instructions, with operands at every edge, by functions that keep much in their frames.
package main

import (
	"bytes"
	"math/bits"
	"os"
	"runtime"
	"strings"
)

var edges = []uint64{0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffffe, 0xffffffffffffffff}

type four [4]uint64

//go:noinline
func add(a, b *four) (r four, c uint64) {
	r[0], c = bits.Add64(a[0], b[0], 0)
	r[1], c = bits.Add64(a[1], b[1], c)
	r[2], c = bits.Add64(a[2], 0, c)
	r[3], c = bits.Add64(a[3], b[3], c)
	return
}

//go:noinline
func sub(a, b *four) (r four, c uint64) {
	r[0], c = bits.Sub64(a[0], b[0], 0)
	r[1], c = bits.Sub64(a[1], b[1], c)
	r[2], c = bits.Sub64(a[2], 0, c)
	r[3], c = bits.Sub64(0, b[3], c)
	return
}

// A carry in that is none: what comes of it Go leaves to the machine, but one wasm module has one result.
//
//go:noinline
func anyCarry(x, y, c uint64) (uint64, uint64, uint64, uint64) {
	sum, carry := bits.Add64(x, y, c)
	difference, borrow := bits.Sub64(x, y, c)
	return sum, carry, difference, borrow
}

//go:noinline
func addLoop(a, b []uint64) (c uint64) {
	for i := range a {
		a[i], c = bits.Add64(a[i], b[i], c)
	}
	return
}

//go:noinline
func subLoop(a, b []uint64) (c uint64) {
	for i := range a {
		a[i], c = bits.Sub64(a[i], b[i], c)
	}
	return
}

//go:noinline
func multiply(a []uint64, x uint64) (c uint64) {
	for i := range a {
		hi, lo := bits.Mul64(a[i], x)
		lo, cc := bits.Add64(lo, c, 0)
		c, a[i] = hi+cc, lo
	}
	return
}

// x * y + z + carry, as RSA has it for wasm.
//
//go:noinline
func multiplyAdd(z, x []uint64, y uint64) (carry uint64) {
	const mask = 1<<32 - 1
	y0, y1 := y&mask, y>>32
	for i := range x {
		x0, x1, z0, z1 := x[i]&mask, x[i]>>32, z[i]&mask, z[i]>>32
		w0 := x0*y0 + z0 + carry&mask
		w1 := x0*y1 + z1 + w0>>32
		w2 := x1*y0 + carry>>32 + w1&mask
		carry = x1*y1 + w2>>32 + w1>>32
		z[i] = w2<<32 + w0&mask
	}
	return
}

// More values than Go's compiler has registers: they live in the frame, of which no address gets away.
//
//go:noinline
func kept(p *[24]uint64) uint64 {
	a, b, c, d, e, f := p[0]+1, p[1]*3, p[2]^5, p[3]-7, p[4]+9, p[5]*11
	g, h, i, j, k, l := p[6]^a, p[7]+b, p[8]-c, p[9]*d, p[10]^e, p[11]+f
	m, n, o, q, r, s := p[12]*g, p[13]^h, p[14]+i, p[15]-j, p[16]*k, p[17]^l
	t, u, v, w, x, y := p[18]+m, p[19]*n, p[20]^o, p[21]+q, p[22]-r, p[23]*s
	return (a ^ y) + (b^x)*2 + (c^w)*3 + (d^v)*4 + (e^u)*5 + (f^t)*6 + (g^l)*7 + (h^k)*8 + (i^j)*9 + (m^s)*10 + (n^r)*11 + (o^q)*12
}

// The same, and one is looked at by address.
//
//go:noinline
func many(p *[24]uint64, at int) uint64 {
	a, b, c, d, e, f := p[0]+1, p[1]*3, p[2]^5, p[3]-7, p[4]+9, p[5]*11
	g, h, i, j, k, l := p[6]^a, p[7]+b, p[8]-c, p[9]*d, p[10]^e, p[11]+f
	m, n, o, q, r, s := p[12]*g, p[13]^h, p[14]+i, p[15]-j, p[16]*k, p[17]^l
	t, u, v, w, x, y := p[18]+m, p[19]*n, p[20]^o, p[21]+q, p[22]-r, p[23]*s
	all := [6]uint64{a ^ y, b ^ x, c ^ w, d ^ v, e ^ u, f ^ t}
	for z := uint64(0); z < 5; z++ {
		a, b, c, d, e, f = b+g, c^h, d+i, e^j, f+k, a^l
		g, h, i, j, k, l = h+m, i^n, j+o, k^q, l+r, g^s
		m, n, o, q, r, s = n+t, o^u, q+v, r^w, s+x, m^y
		t, u, v, w, x, y = u+a, v^b, w+c, x^d, y+e, t^f
	}
	return all[at] + a + b*2 + c*3 + d*4 + e*5 + f*6 + g*7 + h*8 + i*9 + j*10 + k*11 + l*12 + m*13 + n*14 + o*15 + q*16 + r*17 + s*18 + t*19 + u*20 + v*21 + w*22 + x*23 + y*24
}

// What the frame holds when the function panics is asked for by who recovers.
//
//go:noinline
func panics(p *[24]uint64, at int) (result uint64) {
	defer func() {
		if recover() != nil {
			result += 1000
		}
	}()
	result = p[at%24] + 1
	result += p[at]
	return
}

type node struct {
	next  *node
	value [3]uint64
}

//go:noinline
func (n *node) sum() uint64 { return n.value[0] + n.value[1] + n.value[2] }

// A callee of a few instructions panics while its caller has pointers in its frame, and who recovers collects garbage and looks
// at the stack.
//
//go:noinline
func walk(n, c *node, depth int) (total uint64) {
	a, b, d := n, n.next, c.next
	for i := 0; i < depth; i++ {
		total += a.sum()*3 + c.sum() + d.sum()
		if a = b; b != nil {
			b = b.next
		}
	}
	return total + c.value[2]
}

func recovered(n *node, depth int) (total uint64, names string) {
	defer func() {
		recover()
		runtime.GC()
		frames := make([]uintptr, 20)
		all := runtime.CallersFrames(frames[:runtime.Callers(0, frames)])
		for more := true; more; {
			var frame runtime.Frame
			frame, more = all.Next()
			names += frame.Function + " "
		}
	}()
	return walk(n, &node{next: n, value: [3]uint64{1, 2, uint64(depth)}}, depth), ""
}

var state = uint64(88172645463325252)

func random() uint64 {
	state ^= state << 13
	state ^= state >> 7
	state ^= state << 17
	if state>>60 < 8 {
		return edges[state%uint64(len(edges))]
	}
	return state
}

func main() {
	var sum uint64
	take := func(values ...uint64) {
		for _, value := range values {
			sum = bits.RotateLeft64(sum, 5)*0x9e3779b97f4a7c15 + value
		}
	}
	carries := []uint64{0, 1}
	if len(os.Args) > 1 {
		carries = edges
	}
	for _, x := range edges {
		for _, y := range edges {
			for _, c := range carries {
				s, k, d, b := anyCarry(x, y, c)
				take(s, k, d, b)
			}
		}
	}
	println(sum)
	for round := 0; round < 20000; round++ {
		a, b := four{random(), random(), random(), random()}, four{random(), random(), random(), random()}
		r, c := add(&a, &b)
		take(r[0], r[1], r[2], r[3], c)
		r, c = sub(&a, &b)
		take(r[0], r[1], r[2], r[3], c)
		z := []uint64{random(), random(), random(), random(), random()}
		x := []uint64{random(), random(), random(), random(), random()}
		take(addLoop(z, x), subLoop(x, z), multiply(z, random()), multiplyAdd(z, x, random()))
		take(z...)
		take(x...)
	}
	println(sum)
	if len(os.Args) > 1 {
		for depth := 1; depth < 6; depth++ {
			println(recovered(&node{next: &node{next: &node{}}}, depth))
		}
	}
	var p [24]uint64
	for round := 0; round < 2000; round++ {
		for i := range p {
			p[i] = random()
		}
		take(kept(&p), many(&p, round%6), panics(&p, round%48))
	}
	println(sum)
	text := make([]byte, 300)
	for i := range text {
		text[i] = byte(i * i / 7)
	}
	for from := 0; from < 70; from++ {
		for to := from; to <= len(text); to++ {
			take(uint64(count(text[from:to], text[to%7])), uint64(bytes.Count(text[from:to], text[to%7:to%7+1])), uint64(strings.Count(string(text[from:to]), "\t")))
		}
	}
	println(sum)
}

//go:noinline
func count(text []byte, wanted byte) (n int) {
	for _, b := range text {
		if b == wanted {
			n++
		}
	}
	return n
}
