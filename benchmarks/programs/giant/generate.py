"""Prints a Go program with one giant function, of the kind that generated tables and rule sets become."""
RULES = 600  # 0.6 MB of wasm; Go refuses functions of more than 65536 blocks
print('''package main

import "fmt"

type rule struct {
	name  string
	score [4]int
	next  *rule
}

func check(r *rule, name string, n int) bool { return r == nil || r.name != name || n > 0 }

func table(m map[string]*rule, n int) int {
	hits := 0
	var last *rule''')
for i in range(RULES):
    print(f'''	if r := m["rule{i}"]; check(r, "rule{i}", n) {{
		last = &rule{{"rule{i}", [4]int{{n * {i} + hits, n ^ {i}, hits / {i + 1}, n << {i % 31} | hits}}, last}}
		m[last.name] = last
		hits += last.score[n & 3] & {i % 97 + 1}
	}}''')
print('''	return hits
}

func main() { fmt.Println(table(map[string]*rule{}, 7)) }''')
