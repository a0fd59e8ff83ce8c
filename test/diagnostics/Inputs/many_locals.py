"""many_locals.py N: a function that keeps N locals and N operands alive across calls."""
import sys

n = int(sys.argv[1])
print("(module (func $next (param i64) (result i64) (local.get 0)) (func $sum (export \"sum\") (param i64) (result i64)")
print("(local" + " i64" * n + ")")
for i in range(1, n + 1):
    print(f"(local.set {i} (call $next (local.get 0)))")
for i in range(1, n + 1):
    print(f"(call $next (local.get {i}))")
print("i64.add\n" * (n - 1))
for i in range(1, n + 1):
    print(f"(local.get {i}) i64.add")
print("))")
