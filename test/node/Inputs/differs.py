"""differs.py ARTIFACT: writes into an instance from outside, of which its resets cannot know."""
import sys

from instances import images
from harness import check, until
from node import get, node

artifact = sys.argv[1]


def spoil(n, page):
    """One byte of an idle instance, after requests whose page faults a reset may have to look for. Then one more request."""
    for _ in range(4):
        get(n.port, "/hello")
    for pid in n.tenants():
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            for begin, end in images(pid):
                memory.seek(end - 4096 * (page + 1) + 77)
                byte = memory.read(1)
                memory.seek(-1, 1)
                memory.write(bytes([byte[0] ^ 255]))
    return get(n.port, "/hello")


def spoil_until_found(n, times):
    """How often it took. That the process is gone shows only after the response, which leaves before the reset."""
    for count in range(2000):
        if n.metric("aotc_reset_differences_total") == times:
            return count
        status, text = spoil(n, count % 20)
        check(status in (200, 502, 503) and (status != 200 or text == b"hello GET /hello\n"), f"a good response or none: {status} {text}")
    raise SystemExit("failed: no difference was found")


with node([f"site={artifact}"], "--workers", "1", "--deadline", "10s", "--compare-sample", "1/1") as n:
    for times in (1, 2):
        old = n.tenants()
        check(spoil_until_found(n, times) < 20, "found soon")
        line = n.wait_log("a reset left a difference", times - 1)
        check(line["level"] == "error" and line["app"] == "site" and "memory differs from its image at 0x" in line["message"], line)
        until(lambda: n.tenants() not in ([], old), "a new process")
        until(lambda: get(n.port, "/count") == (200, b"request 1 of this instance\n"), "served by the new process")
        check(n.metric("aotc_restarts_total") == times, "one restart each")

# One in a thousand millions: nobody looks.
with node([f"site={artifact}"], "--workers", "1", "--deadline", "10s", "--compare-sample", "1/1000000000") as n:
    check([spoil(n, page)[0] for page in range(3)] == [200] * 3, "served")
    check(n.metric("aotc_reset_differences_total") == 0 and n.metric("aotc_restarts_total") == 0, "nothing was compared")

# One in ten: sooner or later.
with node([f"site={artifact}"], "--workers", "1", "--deadline", "10s", "--compare-sample", "1/10") as n:
    spoil_until_found(n, 1)
