"""next.py ARTIFACT"""
import sys

from harness import check, talk
from node import node

with node([f"site={sys.argv[1]}"], "--workers", "1", "--deadline", "10s", "--compare-sample", "1/1") as n:
    for number in range(3):
        answer = talk(n.port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        check(answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\nContent-Length: 28\r\nConnection: close\r\n\r\nrequest 1 from 127, 4 bytes\n"), f"{answer}")
        n.wait_log("no more after 1", number)
