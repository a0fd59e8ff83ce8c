"""request_to_request.py ARTIFACT: that of pages.go"""
import sys

from instances import MADV_COLLAPSE, MADV_PAGEOUT, advise, growths, huge_places, images
from keep import keep
from harness import check
from node import get, node

SECRET = b"SECRET99"
HIDDEN = bytes(b + 1 for b in SECRET)


def all_of(pid):
    return images(pid) + growths(pid)


ACTS = {
    "nothing": lambda pid: None,
    "huge pages": lambda pid: advise(pid, huge_places(growths(pid)), MADV_COLLAPSE),
    "huge pages of all memory": lambda pid: advise(pid, huge_places(all_of(pid)), MADV_COLLAPSE),
    "paging out": lambda pid: advise(pid, all_of(pid), MADV_PAGEOUT),
}

for name, act in ACTS.items():
    with node([f"site={sys.argv[1]}"], "--workers", "1", "--deadline", "10s") as n:
        pid = n.tenants()[0]
        # Until the instance has all the pages that such requests touch.
        for _ in range(6):
            keep(n.port, None, lambda: check(growths(pid), "the program has more memory than its image"))
        keep(n.port, SECRET, lambda: act(pid))
        check(get(n.port, "/look") == (200, b'0 "%s"\n' % (b"\\x00" * 8)), f"fresh memory is zero, after {name}")
        check(get(n.port, "/find", body=HIDDEN) == (200, b"found 0\n"), f"the secret is nowhere, after {name}")
        keep(n.port, SECRET, lambda: act(pid))
        check(get(n.port, "/find", body=HIDDEN) == (200, b"found 0\n"), f"the secret is nowhere, after {name}")
