"""isolation.py ARTIFACT MODE"""
import os
import sys

from harness import check
from node import get, node

secret = b"the-secret-" + os.urandom(8).hex().encode()
hidden = bytes(b + 1 for b in secret)

with node([f"site={sys.argv[1]}"], "--workers", "1", "--reset", sys.argv[2], "--compare-sample", "1/1", "--deadline", "10s") as n:
    # The search finds what is there: its own text, were it not hidden.
    raised = bytes(b + 1 for b in hidden)
    found = get(n.port, "/search?pages=50", body=raised)[1]
    check(b"found 0" not in get(n.port, "/search?pages=50", body=bytes(b + 1 for b in b"GOMAXPROCS"))[1], "a text that is in the image is found")
    check(found.startswith(b"found 0 "), "a text that nobody wrote is not found")
    for _ in range(3):
        check(get(n.port, "/remember", body=secret) == (200, b"remembered\n"), "remember")
        status, text = get(n.port, "/search?pages=100", body=hidden)
        check((status, text) == (200, b"found 0 in 6553600 bytes\n"), f"an earlier request's secret: {status} {text}")
        check(get(n.port, "/count")[1] == b"request 1 of this instance\n", "a fresh instance")
    # Two clones draw different numbers.
    check(get(n.port, "/random")[1] != get(n.port, "/random")[1], "random numbers differ")
    for target in ("/exit", "/spin-later", "/memory", "/big?n=3000000", "/sleep?ms=3"):
        get(n.port, target)
    check(get(n.port, "/count")[1] == b"request 1 of this instance\n", "a fresh instance after those that failed")
    check(n.metric("aotc_dirty_pages_count") > 10, "resets were counted")
    check(n.metric("aotc_reset_differences_total") == 0 and n.metric("aotc_restarts_total") == 0, "no reset left a difference")
