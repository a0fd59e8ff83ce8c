"""calls.py OUT: a Go program that imports all of Fastly's interface by itself, and calls each function many times with whatever is
no address, no size and no handle, or one of something else. It writes to stderr what each has answered."""
import os
import re
import sys

source = os.path.dirname(__file__) + "/../../../runtime-stubs/include/aotc/fastly_functions.h"
with open(source) as file:
    functions = re.findall(r'([HU])\((\w+), (\w+), "(\w+):i"\)', file.read())
TYPES = {"i": "uint32", "I": "uint64"}

declared, table = [], []
for here, module, name, params in functions:
    args = ", ".join(f"a{i} {TYPES[p]}" for i, p in enumerate(params))
    passed = ", ".join(f"{TYPES[p]}(a[{i}])" for i, p in enumerate(params))
    declared.append(f"//go:wasmimport {module} {name}\nfunc {module}_{name}({args}) uint32\n")
    table.append(f'\t{{"{here} {module} {name}", {len(params)}, func(a *[16]uint32) uint32 {{ return {module}_{name}({passed}) }}}},')

os.makedirs(sys.argv[1])
with open(sys.argv[1] + "/go.mod", "w") as file:
    file.write("module calls\n\ngo 1.24\n")
with open(sys.argv[1] + "/main.go", "w") as file:
    file.write("package main\n\nimport \"unsafe\"\n\n" + "\n".join(declared) + """
var functions = []struct {
	name   string
	params int
	call   func(a *[16]uint32) uint32
}{
""" + "\n".join(table) + """
}

// Where a function may write, and behind what is asked for.
var room [1 << 17]byte

func address(p *byte) uint32 { return uint32(uintptr(unsafe.Pointer(p))) }

func main() {
	var request, body, response, other, third uint32
	at := func(p *uint32) uint32 { return uint32(uintptr(unsafe.Pointer(p))) }
	if fastly_http_req_body_downstream_get(at(&request), at(&body)) != 0 {
		panic("no request")
	}
	name := address(&room[1<<16])
	fixed := address(&room[64])
	// Below 8 KiB is nothing of a Go program's; handles are small numbers, too.
	values := []uint32{0, 1, 2, 4, 255, 4095, 4096, 4097, 4098, 4099, 4100, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
		name, name + 4096, 0, 4, 1}
	seed := uint32(1)
	var report []byte
	reported := 0
	for _, f := range functions {
		if f.name == "H fastly_http_downstream next_request_wait" || f.name == "H fastly_http_req body_downstream_get" {
			values[len(values)-1] = name // it would not wait
		}
		var seen [16]int
		rounds := 300
		if f.name == "H fastly_log write" {
			rounds = 4
		}
		for i := 0; i < rounds; i++ {
			// One of each kind, so that some handles are good ones, while there are any.
			if i%32 == 0 {
				fastly_http_resp_close(response)
				fastly_http_body_close(other)
				fastly_http_body_close(third)
				fastly_http_req_close(request)
				fastly_http_resp_new(at(&response))
				fastly_http_body_new(at(&other))
				fastly_http_body_new(at(&third))
				fastly_http_req_new(at(&request))
			}
			var a [16]uint32
			for k := range a {
				seed = seed*1664525 + 1013904223
				a[k] = values[seed>>8%uint32(len(values))]
				if k < 2 && seed>>28 < 8 {
					a[k] = [5]uint32{request, response, other, third, body}[seed>>16%5]
				}
			}
			copy(room[64:], "name") // it may have written there
			switch i % 16 {
			case 0:
				a = [16]uint32{request, other, fixed, 4, name, name, name, name}
			case 8:
				a = [16]uint32{fixed, 4, name, name, name}
			}
			status := f.call(&a)
			if status >= 15 {
				panic(f.name + ": no status")
			}
			seen[status]++
		}
		if f.name[0] == 'U' {
			if seen[5] != rounds {
				panic(f.name + ": is not unsupported")
			}
			continue
		}
		// Few lines, as a log has them.
		if reported++; reported%6 == 0 {
			report = append(report, 10)
		}
		report = append(report, f.name[2:]...)
		for status, count := range seen {
			if count > 0 {
				report = append(report, ' ', byte('0'+status/10), byte('0'+status%10))
			}
		}
		report = append(report, "; "...)
	}
	report = append(report, 10)
	print(string(report))
	println("called", len(functions), "functions")
	// What has gone to the client may be an answer, or a part of one.
	fastly_http_resp_new(at(&response))
	fastly_http_body_new(at(&other))
	fastly_http_resp_send_downstream(response, other, 0)
}
""")
