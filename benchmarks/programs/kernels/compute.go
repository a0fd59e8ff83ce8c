// Kernels that stay in the program's own code: calls, floats, pointers, bytes, arrays.
package main

import "math"

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func runFib() uint64 { return uint64(fib(35)) }

type body struct{ x, y, z, vx, vy, vz, mass float64 }

func runNBody() uint64 {
	const solar = 4 * math.Pi * math.Pi
	const days = 365.24
	bodies := []body{
		{0, 0, 0, 0, 0, 0, solar},
		{4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
			1.66007664274403694e-03 * days, 7.69901118419740425e-03 * days, -6.90460016972063023e-05 * days, 9.54791938424326609e-04 * solar},
		{8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
			-2.76742510726411011e-03 * days, 4.99852801234917238e-03 * days, 2.30417297573763929e-05 * days, 2.85885980666130812e-04 * solar},
		{1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
			2.96460137564761618e-03 * days, 2.37847173959480950e-03 * days, -2.96589568540237556e-05 * days, 4.36624404335156298e-05 * solar},
		{1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
			2.68067772490389322e-03 * days, 1.62824170038242295e-03 * days, -9.51592254519715870e-05 * days, 5.15138902046611451e-05 * solar},
	}
	const dt = 0.01
	for step := 0; step < 1_000_000; step++ {
		for i := range bodies {
			a := &bodies[i]
			for j := i + 1; j < len(bodies); j++ {
				b := &bodies[j]
				dx, dy, dz := a.x-b.x, a.y-b.y, a.z-b.z
				// The conversions forbid fused multiply-add, which would change the sum on AArch64.
				d2 := float64(dx*dx) + float64(dy*dy) + float64(dz*dz)
				mag := dt / (d2 * math.Sqrt(d2))
				a.vx -= float64(dx * b.mass * mag)
				a.vy -= float64(dy * b.mass * mag)
				a.vz -= float64(dz * b.mass * mag)
				b.vx += float64(dx * a.mass * mag)
				b.vy += float64(dy * a.mass * mag)
				b.vz += float64(dz * a.mass * mag)
			}
		}
		for i := range bodies {
			b := &bodies[i]
			b.x += float64(dt * b.vx)
			b.y += float64(dt * b.vy)
			b.z += float64(dt * b.vz)
		}
	}
	sum := uint64(seed)
	for _, b := range bodies {
		sum = mix(mix(mix(sum, math.Float64bits(b.x)), math.Float64bits(b.y)), math.Float64bits(b.z))
	}
	return sum
}

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) count() uint64 {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

func runTrees() uint64 {
	long := grow(14)
	var sum uint64
	for i := 0; i < 80; i++ {
		sum = mix(sum, grow(13).count())
	}
	return mix(sum, long.count())
}

func runSieve() uint64 {
	const limit = 5_000_000
	composite := make([]bool, limit+1)
	sum := uint64(seed)
	for round := 0; round < 13; round++ {
		clear(composite)
		var count uint64
		for i := 2; i <= limit; i++ {
			if composite[i] {
				continue
			}
			count++
			sum += uint64(i)
			for j := i * i; j <= limit; j += i {
				composite[j] = true
			}
		}
		sum = mix(sum, count)
	}
	return sum
}

func runMatmul() uint64 {
	const n = 400
	a, b, c := make([][]float64, n), make([][]float64, n), make([][]float64, n)
	for i := range a {
		a[i], b[i], c[i] = make([]float64, n), make([]float64, n), make([]float64, n)
		for j := range a[i] {
			a[i][j] = float64(i*j%17) + 0.5
			b[i][j] = float64((i+j)%13) - 0.25
		}
	}
	for i := 0; i < n; i++ {
		for j := 0; j < n; j++ {
			var dot float64
			for k := 0; k < n; k++ {
				dot += float64(a[i][k] * b[k][j])
			}
			c[i][j] = dot
		}
	}
	sum := uint64(seed)
	for i := range c {
		for _, x := range c[i] {
			sum = mix(sum, math.Float64bits(x))
		}
	}
	return sum
}
