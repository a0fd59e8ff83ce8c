"""grace_after.py ARTIFACT"""
import signal
import sys

from harness import check, connect, read_all
from node import get, node

APP = [f"site={sys.argv[1]}"], "--workers", "1", "--deadline", "1s"


def said(n, text):
    return [line for line in n.lines if line.get("source") == "program" and line["message"] == text]


def none_goes_on(n):
    n.wait_metric("aotc_going_on", 0)
    n.wait_metric("aotc_instances", 0)


with node(*APP, "--grace-after", "5s", "--max-concurrency", "1", "--max-instances", "1") as n:
    check(get(n.port, "/later?name=a&ms=300&ticks=2") == (200, b"now\n"), "the response")
    check(n.metric("aotc_going_on") == 1 and n.metric("aotc_instances") == 0, "the program goes on without its client")
    check(get(n.port, "/count") == (200, b"request 1 of this instance\n"), "and takes nobody's place")
    n.wait_log("later: a")
    none_goes_on(n)
    check(len(said(n, "tick: a")) == 2, "a goroutine that ticks")
    lines = said(n, "tick: a") + said(n, "later: a")
    check(all((line["path"], line["request"]) == ("/later", 1) for line in lines), f"{lines} are the request's")
    # Who waits for a time after that is not waited for.
    check(get(n.port, "/later?name=b&ms=60000&ticks=3") == (200, b"now\n"), "the response")
    none_goes_on(n)
    check(len(said(n, "tick: b")) == 3 and not said(n, "later: b"), "as long as there is something to do in time")
    check(n.metric("cut_short_total") == 0, "none was cut short")

# A node that is told to end waits for them.
with node(*APP, "--grace-after", "10s") as n:
    check(get(n.port, "/later?name=d&ms=1500") == (200, b"now\n"), "the response")
    n.process.send_signal(signal.SIGTERM)
    n.wait_log("stopped")
    check(len(said(n, "later: d")) == 1, "what was left to do")

# Too many of them.
with node(*APP, "--grace-after", "10s") as n:
    for i in range(70):
        check(get(n.port, f"/later?name={i}&ms=4000") == (200, b"now\n"), "the response")
    check(n.metric("aotc_going_on") == 64 and n.metric("cut_short_total") == 6, "the oldest are cut short")
    check(get(n.port, "/count") == (200, b"request 1 of this instance\n"), "a fresh instance")

# The times are longer than any response takes on a slow machine: what is done before its end is the request's own.
with node(*APP, "--grace-after", "0s") as n:
    check(get(n.port, "/later?name=c&ms=900&ticks=2000") == (200, b"now\n"), "the response")
    none_goes_on(n)
    with connect(n.port) as last:  # what comes after it is logged after it
        last.sendall(b"GET /log HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        read_all(last)
    n.wait_log("unfinished")
    check(not said(n, "later: c") and len(said(n, "tick: c")) < 900, "it ended with its response")
