"""Whether each request gets identifiers of its own after a warm-up request: ids_libraries.py WASM PREFIX [REQUESTS], with the module of
libraries/ids."""
import subprocess
import sys

from harness import AOTC, check
from node import get, node

WASM, PREFIX = sys.argv[1:3]
REQUESTS = int(sys.argv[3]) if len(sys.argv) > 3 else 10000

with open(f"{PREFIX}.http", "w") as file:
    file.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
subprocess.check_call([AOTC, "compile", WASM, "--tier", "quick", "--snapshot", "required", "--unique", "report", "--warmup-request", f"{PREFIX}.http", "-o", f"{PREFIX}.aotc"])
values = {}
with node([f"app={PREFIX}.aotc"]) as n:
    for _ in range(REQUESTS):
        for line in get(n.port, "/")[1].decode().splitlines():
            name, value = line.split(": ")
            values.setdefault(name, set()).add(value)
for name, seen in values.items():
    print(f"{name}: {len(seen)} distinct in {REQUESTS} requests")
check(len(values) == 17 and all(len(seen) == REQUESTS for seen in values.values()), "each request has its own")
