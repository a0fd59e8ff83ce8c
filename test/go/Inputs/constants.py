#!/usr/bin/env python3
"""Writes a Go program that does, with numbers near the ends of what the compiler takes for an address, whatever Go compiles to one
instruction with a constant: stores, sums, comparisons, arguments, indices, cases of a switch, choices between two of them.
"""
VALUES = [4094, 4095, 4096, 4097, 12288, 65535, 65536, 65537, 1 << 20, 0x10000000, 0x16C90001,
          (1 << 31) - (1 << 25) - 1, (1 << 31) - (1 << 25), (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, -1, -4096, -65536]

FUNCTION = """
//go:noinline
func use{n}(x int64, p *[4]int64, bytes []byte, words []uint32) (r int64) {{
	const c int64 = {value}
	p[0], p[1] = c, int64(int32(x))+c
	r = mix(p[0]+x, p[1])
	r = mix(r, c-x)
	r = mix(r, (x&c)^(x|c))
	r = mix(r, x*c)
	r = mix(r, x/c+x%c)
	r = mix(r, other(c, x))
	r = mix(r, other(x, c))
	if x == c {{
		r += 3
	}}
	if x < c {{
		r += 5
	}}
	if uint64(x) <= uint64(c&(1<<48-1)) {{
		r += 7
	}}
	y := int64(-8000)
	if r&1 == 0 {{
		y = c
	}}
	for i := int64(0); i < 3; i++ {{
		y -= 9000
		r = mix(r, y)
	}}
	words[uint64(x+c)%uint64(len(words))] ^= uint32(c&(1<<32-1))
	bytes[uint64(c&(1<<62-1))%uint64(len(bytes))] = byte(c >> 3 & 0xff)
	r = mix(r, int64(words[uint64(c&(1<<62-1))%uint64(len(words))])+int64(bytes[uint64(x)%uint64(len(bytes))]))
	switch x {{
	case c:
		r += 11
	case c + 1:
		r += 13
	case c - 1:
		r += 17
	}}
	var any interface{{}} = int64(c)
	if any == interface{{}}(x) {{
		r += 19
	}}
	return mix(r, int64(uint32(x)^uint32(c&(1<<32-1)))+int64(int16(x+c)))
}}
"""


def main():
    print("package main\n\nimport \"fmt\"\n\nfunc mix(a, b int64) int64 { return (a ^ b) * 0x100000001b3 >> 1 }\n")
    print("//go:noinline\nfunc other(a, b int64) int64 { return a<<3 ^ b }")
    for n, value in enumerate(VALUES):
        print(FUNCTION.format(n=n, value=value))
    values = ", ".join(map(str, VALUES))
    uses = ", ".join(f"use{n}" for n in range(len(VALUES)))
    print(f"""
func main() {{
	var p [4]int64
	bytes, words := make([]byte, 5000), make([]uint32, 70000)
	values := []int64{{0, 1, -8000, {values}}}
	for n, use := range []func(int64, *[4]int64, []byte, []uint32) int64{{{uses}}} {{
		sum := int64(n)
		for _, value := range values {{
			for near := int64(-1); near <= 1; near++ {{
				sum = mix(sum, use(value+near, &p, bytes, words))
			}}
		}}
		fmt.Println(n, sum)
	}}
}}""")


main()
