"""limits.py ARTIFACT"""
import sys

from harness import check, connect, read_all, talk
from node import get, node

APP = f"site={sys.argv[1]}"


def refused(running, target, status, cause, text):
    before = len([line for line in running.lines if line.get("cause") == cause])
    check(get(running.port, target)[0] == status, f"{target} gives {status}")
    running.wait_for(lambda: len([line for line in running.lines if line.get("cause") == cause]) > before, cause)
    line = [line for line in running.lines if line.get("cause") == cause][-1]
    check(line["app"] == "site" and text in line["message"], f"{line} names {text}")
    check(get(running.port, "/count") == (200, b"request 1 of this instance\n"), f"the request after {target}")
    check(running.metric(f'kills_total.*cause="{cause}"') == before + 1, f"kills counts {cause}")


with node([APP], "--workers", "1", "--deadline", "2s", "--timeout", "500ms", "--max-memory", "64M", "--max-concurrency", "3", "--max-header", "32K", "--max-body", "1000") as n:
    refused(n, "/spin", 504, "deadline", "main.spin")
    refused(n, "/stuck", 504, "timeout", "too long")
    refused(n, "/exit", 502, "exit", "exit code 3")
    refused(n, "/trap", 502, "trap", "out of bounds memory access in main.main")
    refused(n, "/memory", 502, "memory", "exit code 2")
    # A program that closes the connection will not go on with its response, wherever it is: in a header, or in a chunk.
    aborted = "the program closed the connection before its response was complete"
    refused(n, "/panic", 502, "aborted", aborted)
    for begun in ("/abort", "/abort?n=10000", "/abort?n=10000&length"):
        refused(n, begun, 200, "aborted", aborted)
    # Once the response has begun there is no other status to give: the client sees that it ends too early.
    begun = talk(n.port, b"GET /spin-later HTTP/1.1\r\nHost: x\r\n\r\n")
    check(begun.startswith(b"HTTP/1.1 200") and b"begun" in begun and not begun.endswith(b"0\r\n\r\n"), "a response that is cut off")
    # What it has flushed does not wait for it to stop computing.
    killed = 'kills_total.*cause="deadline"'
    before = n.metric(killed)
    busy = connect(n.port)
    busy.sendall(b"GET /spin-later?busy HTTP/1.1\r\nHost: x\r\n\r\n")
    seen = b""
    while b"begun" not in seen and (more := busy.recv(4096)):
        seen += more
    check(b"begun" in seen and n.metric(killed) == before, "what a busy program flushed")
    n.wait_metric(killed, before + 1)
    busy.close()
    check(get(n.port, "/hello", body=b"x" * 1001)[0] == 413, "a body over the limit")
    check(get(n.port, "/hello?" + "x" * 40000)[0] == 431, "a header over the limit")
    check(get(n.port, "/hello?" + "x" * 30000)[0] == 200, "a header below the limit")
    # Concurrency: suspended instances count.
    waiting = [connect(n.port) for _ in range(3)]
    for connection in waiting:
        connection.sendall(b"GET /sleep?ms=400 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    n.wait_metric("aotc_instances", 3)
    check(get(n.port, "/hello")[0] == 503, "one request too many")
    for connection in waiting:
        check(read_all(connection).endswith(b"slept\n"), "those that were there first")
