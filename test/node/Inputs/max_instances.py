"""max_instances.py ARTIFACT: one app takes all the instances that there may be, another asks for its first; see ../max_instances.test"""
import os
import signal
import sys

from harness import check, connect, until
from node import get, node

APPS = [f"eater={sys.argv[1]}", f"other={sys.argv[1]}"], "--route", "eater.example=eater", "--route", "/=other"


def hold(n, host):
    client = connect(n.port)
    client.sendall(f"GET /hold HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    check(client.recv(100).startswith(b"HTTP/1.1 200"), f"an instance for {host}")
    return client


with node(*APPS, "--max-instances", "3") as n:
    eaten = [hold(n, "eater.example") for _ in range(3)]
    check(get(n.port, "/count", "eater.example")[0] == 503, "a fourth of the same app")
    check(get(n.port, "/count")[0] == 200, "an app that has none gets one")
    held = hold(n, "x")
    check(get(n.port, "/count")[0] == 503, "but no second one")
    check([n.metric(f'kills_total.*"{app}".*"overload"') for app in ("eater", "other")] == [1, 1], "counted")
    # A client that leaves, and a process that ends, give back what they had.
    for client in (*eaten, held):
        client.close()
    until(lambda: n.metric("aotc_instances") == 0, "all are given back")
    eaten = [hold(n, "eater.example") for _ in range(3)]
    os.kill(n.tenants()[0], signal.SIGKILL)
    n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 3, "it is back")
    eaten = [hold(n, "eater.example") for _ in range(3)]
    check(get(n.port, "/count", "eater.example")[0] == 503, "neither more nor fewer")
