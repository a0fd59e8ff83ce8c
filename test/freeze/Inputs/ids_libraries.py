"""Whether each request gets identifiers of its own after a warm-up request: ids_libraries.py WASM PREFIX, with the module of
libraries/ids."""
import subprocess
import sys

from harness import AOTC, check
from node import get, node

WASM, PREFIX = sys.argv[1:]
REQUESTS = 1000
NAMES = ["csrf token of echo", "request id of echo", "pooled google/uuid"]

with open(f"{PREFIX}.http", "w") as file:
    file.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
subprocess.check_call([AOTC, "compile", WASM, "--tier", "quick", "--snapshot", "required", "--warmup-request", f"{PREFIX}.http", "-o", f"{PREFIX}.aotc"])
with node([f"app={PREFIX}.aotc"]) as n:
    answers = [get(n.port, "/")[1].decode().split() for _ in range(REQUESTS)]
for name, values in zip(NAMES, zip(*answers, strict=True), strict=True):
    print(f"{name}: {len(set(values))} distinct in {REQUESTS} requests")
    check(len(set(values)) == REQUESTS, name)
