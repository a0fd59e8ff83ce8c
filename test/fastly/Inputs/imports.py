"""imports.py FOLDER: whether each function that Go sources there import is in fastly_functions.h, of the same type."""
import glob
import os
import re
import sys

from harness import check

with open(os.path.dirname(__file__) + "/../../../runtime-stubs/include/aotc/fastly_functions.h") as file:
    known = {(module, name): type for module, name, type in re.findall(r'[HU]\((\w+), (\w+), "([\w:]+)"\)', file.read())}
count = 0
for path in glob.glob(f"{sys.argv[1]}/**/*.go", recursive=True):
    with open(path) as file:
        text = file.read()
    for module, name, params in re.findall(r"//go:wasmimport (\S+) (\S+)\n(?://.*\n)*func \w+\(((?:.|\n)*?)\) FastlyStatus", text):
        types = [part.split()[-1] for part in re.sub("//.*", "", params).split(",") if part.strip()]
        type = "".join("I" if one == "prim.U64" else "i" for one in types) + ":i"
        check(known.get((module, name)) == type, f"{module} {name}: {type}, not {known.get((module, name))}")
        count += 1
print(count, "imports")
