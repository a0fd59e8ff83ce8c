"""users.py ARTIFACT: in a user namespace of one user, which AOTC_NODE makes."""
import sys

from harness import check
from node import get, node

with node([f"site={sys.argv[1]}"]) as n:
    n.wait_log("there are no users for them here")
    check(get(n.port, "/count") == (200, b"request 1 of this instance\n"), "it serves")
    for pid in (n.front(), *n.tenants()):
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.split() for line in file if len(line.split()) == 2)
        check(status["Seccomp:"] == "2" and status["NoNewPrivs:"] == "1" and int(status["CapEff:"], 16) == 0, status)
