"""suspend.py ARTIFACT"""
import sys

from harness import check, connect, read_all
from node import get, node

with node([f"site={sys.argv[1]}"], "--workers", "1", "--deadline", "1s") as n:
    waiting = [connect(n.port) for _ in range(50)]
    for connection in waiting:
        connection.sendall(b"GET /sleep?ms=1500 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    n.wait_metric("aotc_instances", 50)
    check(get(n.port, "/count") == (200, b"request 1 of this instance\n"), "another request meanwhile")
    check(n.metric("aotc_instances") == 50, "all of them still sleep")
    for connection in waiting:
        check(read_all(connection).endswith(b"slept\n"), "a response after the sleep")
    n.wait_metric("aotc_instances", 0)
    # A client that reads slowly holds no thread either: the program waits until there is room again.
    with connect(n.port) as slow:
        slow.sendall(b"GET /big?n=30000000&length HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        n.wait_metric("aotc_instances", 1)
        check(get(n.port, "/hello")[0] == 200, "another request meanwhile")
        check(n.metric("aotc_instances") == 1, "the slow one is not done")
        check(read_all(slow).endswith(b"0123456789abcdef"), "the whole response")
