"""memory.py ARTIFACT: instances that together want more than their process may have; see ../memory.test"""
import collections
import sys
import threading

from harness import PATIENCE, check, connect, read_all
from node import get, node

APPS = [f"eater={sys.argv[1]}", f"other={sys.argv[1]}"], "--route", "eater.example=eater", "--route", "/=other"
LIMIT, HELD, COUNT = 256, 40, 40  # MiB of the process, MiB of a request, requests


def own_memory(pid):
    """MiB, as the kernel counts them."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:")) / 1024


class Watch:
    """The most that a process ever had while this was there."""

    def __init__(self, pid):
        self.pid, self.most, self.going = pid, 0, True
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while self.going:
            self.most = max(self.most, own_memory(self.pid))

    def stop(self):
        self.going = False
        self.thread.join()
        return self.most


def ask(port, mb, ms):
    client = connect(port)
    client.sendall(f"GET /hold-memory?mb={mb}&ms={ms} HTTP/1.1\r\nHost: eater.example\r\nConnection: close\r\n\r\n".encode())
    return client


with node(*APPS, "--workers", "2", "--max-memory", "64M", "--tenant-memory", f"{LIMIT}M", "--deadline", f"{PATIENCE}s") as n:
    check(any(f"a tenant may use {LIMIT} MiB" in line["message"] for line in n.lines), "the limit is said")
    eater = n.tenants()[0]
    watch = Watch(eater)
    for _ in range(2):
        clients = [ask(n.port, HELD, 1500) for _ in range(COUNT)]
        for _ in range(30):
            check(get(n.port, "/count") == (200, b"request 1 of this instance\n"), "the other app is served")
        answers = collections.Counter(read_all(client)[9:12] for client in clients)
        check(set(answers) == {b"200", b"503"} and answers[b"200"] >= 2, answers)
        # Nothing of it stays: what fits into the process fits again.
        check(get(n.port, f"/hold-memory?mb={HELD}&ms=1", "eater.example") == (200, b"held 40\n"), "afterwards")
    most = watch.stop()
    check(HELD < most < LIMIT, f"{most} MiB, of {LIMIT}")
    check(n.tenants()[0] == eater and n.metric("aotc_restarts_total") == 0, "no process had to be ended")
    check(n.metric('kills_total.*"eater".*"overload"') > 0 and n.metric('kills_total.*"eater".*"memory"') == 0, "the cause is counted")

# What is shared out is what there is; who shares out more is told.
for options, more in ((), False), (("--tenant-memory", "1024T"), True):
    with node(*APPS, *options) as n:
        line = n.wait_log("a tenant may use ")["message"]
        check(("all together more than there is" in line) == more, line)
