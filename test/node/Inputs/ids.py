"""Each of some hundred requests gets identifiers of its own: ids.py ARTIFACT, of freeze/Inputs/ids/serve."""
import sys

from harness import check
from node import get, node

REQUESTS = 200

with node([f"app={sys.argv[1]}"]) as n:
    answers = [get(n.port, "/")[1].decode().splitlines() for _ in range(REQUESTS)]
check(all(len(lines) == 6 for lines in answers), "six identifiers each")
for values in zip(*answers, strict=True):
    check(len(set(values)) == REQUESTS, f"{REQUESTS} distinct ones like {values[0]}")
