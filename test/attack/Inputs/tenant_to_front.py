"""tenant_to_front.py MISBEHAVING.aotc: workers that keep the front busy. Another app is served all the while."""
import sys

from node import check, connect, get, node, reset, until

evil = sys.argv[1]
READY, CONSUMED, EMPTY, STREAM, FLOOD = range(1, 6)
APPS = [f"evil={evil}", f"good={evil}"], "--route", "evil.example=evil", "--route", "/=good", "--workers", "1", "--deadline", "500ms"


def good(n, count=1):
    for _ in range(count):
        check(get(n.port, "/")[0] == 200, "the other app is served")


def stream(n, way):
    client = connect(n.port)
    client.sendall(f"GET /?{way} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
    check(client.recv(100).startswith(b"HTTP/1.1 200"), "it begins")
    reset(client)


with node(*APPS) as n:
    ends = 0
    # One that sends what a worker never does is ended at once.
    for way in (READY, CONSUMED, EMPTY):
        check(get(n.port, f"/?{way}", "evil.example")[0] == 502, f"{way} is answered")
        ends += 1
        n.wait_log("its process is ended: its worker sends what makes no sense", ends - 1)
        n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2 + ends, "it is back")
        good(n)
    # So is one that goes on answering nobody, for longer than it could not know.
    stream(n, FLOOD)
    ends += 1
    n.wait_log("its process is ended: its worker sends what makes no sense", ends - 1)
    n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2 + ends, "it is back")
    check(n.metric('restarts_total.*"evil"') == ends and n.metric('restarts_total.*"good"') == 0, "restarts")

# Frames that may be, but a great many of them, cost the front no more than a share: it stops listening for a while.
with node(*APPS) as n:
    stream(n, STREAM)
    count = lambda: (n.metric('frames_total.*"evil"'), n.metric('held_back_total.*"evil"'))
    until(lambda: good(n) or count()[1] >= 1, "the worker is held back")
    frames, times = count()
    until(lambda: good(n) or count()[1] >= times + 2, "again and again")
    more, again = count()
    check(0 < more - frames <= 16384 * (again - times + 2), f"{more} frames, {frames} before, {again - times} times held back since")
    check(n.metric('restarts_total.*"evil"') == 0, "that alone is no reason to end it")
