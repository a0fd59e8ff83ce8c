"""large_function.py N: one function with N blocks, each a few loads, stores and a branch."""
import sys

n = int(sys.argv[1])
print("(module (memory 1) (func (export \"large\") (param i32) (result i32) (local i32)")
for i in range(n):
    print(f"(if (i32.rem_u (i32.add (local.get 0) (i32.const {i})) (i32.const 26))"
          f" (then (i32.store (i32.const {i % 4096 * 8}) (local.get 1))"
          f" (local.set 1 (i32.add (i32.load (i32.const {i % 4096 * 8})) (i32.const 1)))))")
print("(local.get 1)))")
