"""many_parameters.py N: a module whose export `sum` adds the i * i % 1000 of N results, N parameters of which came back as they were."""
import sys

n = int(sys.argv[1])
values = [i * i % 1000 for i in range(n)]
print("(module")
print(f"  (func $same (param {'i32 ' * n}) (result {'i32 ' * n}) {' '.join(f'(local.get {i})' for i in range(n))})")
print(f"  (func (export \"sum\") (result i32) {' '.join(f'(i32.const {v})' for v in values)} call $same {'i32.add ' * (n - 1)}))")
