"""Compares the rows of limits.def with README's table, and sees that each is a limit of something: limits.py ROOT"""
import glob
import re
import sys

root = sys.argv[1]
rows = re.findall(r"LIMIT\((\w+), ([\d']+), \"(.*?)\"\)", open(f"{root}/compiler/wasm/limits.def").read())
assert rows
listed = open(f"{root}/README.md").read().split("| at most | |\n|---|---|\n")[1].split("\n\n")[0].rstrip("\n").split("\n")
kept = [f"| {value.replace(chr(39), ',')} | {what} |" for _, value, what in rows]
assert listed == kept, sorted(set(listed) ^ set(kept))
sources = "".join(open(path).read() for path in glob.glob(f"{root}/compiler/wasm/*.cpp") + glob.glob(f"{root}/compiler/wasm/limits.h"))
unused = [name for name, _, _ in rows if not re.search(rf"\b{name}\b", sources)]
assert not unused, unused
print(f"{len(rows)} limits, as in README")
