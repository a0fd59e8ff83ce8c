"""http2.py ARTIFACT: what requests by HTTP/2 become; see ../http2.test"""
import hashlib
import os
import signal
import sys

from harness import check, until
from http2_client import INTERNAL, PROTOCOL, Http2
from node import node

APPS = [f"site={sys.argv[1]}"]


with node(APPS, "--deadline", "10s", "--max-header", "16K", "--loops", "2", "--max-body", "4M") as n:
    # A stream is a request, as a program of HTTP/1.1 sees it.
    client = Http2(n.port)
    answer = client.get("/headers", more=[("x-b", "1"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"), ("x-b", "2")], authority="shop.example")
    lines = answer["body"].decode().splitlines()
    check(answer["status"] == 203 and {"Cookie: a=1; b=2", "X-B: 1|2", "shop.example HTTP/1.1 0 []", "X-Forwarded-For: 127.0.0.1"} <= set(lines), f"{answer}")
    check(not any(line.startswith(("Te:", "Connection:")) for line in lines), f"{lines}")
    check(client.get("/headers", authority=None, more=[("host", "other.example")])["body"].count(b"other.example HTTP/1.1"), "Host instead of :authority")
    check(client.get("/big?n=300000", method="HEAD")["body"] == b"", "HEAD")
    check(client.get("/empty")["fields"] == {":status": "204", "date": client.answers[client.ask("/hello") - 2]["fields"]["date"]}, "no body")
    hints = client.get("/hints")
    check([one[":status"] for one in hints["interim"]] == ["102", "103"] and hints["body"] == b"page\n", f"interim: {hints}")
    # Bodies whose length is known, and those that end when they end; what comes behind them.
    body = os.urandom(700_000)
    for more in ([], [("content-length", str(len(body)))]):
        stream = client.ask("/digest", "POST", more, body=b"")
        client.upload({stream: body}, ends=True)
        check(client.wait(stream)["body"].split()[:2] == [b"700000", hashlib.sha256(body).hexdigest().encode()], f"a body with {more}")
    stream = client.ask("/trailers", "POST", [("trailer", "x-up"), ("content-length", "2")], body=b"ab")
    client.h2.send_headers(stream, [("x-up", "7"), ("host", "y")], end_stream=True)
    client.flush()
    trailers = client.wait(stream)["trailers"]
    check(trailers == {"x-sum": "map[X-Up:[7]]", "x-late": "not announced"}, f"trailers: {trailers}")
    stream = client.ask("/echo", "POST", [("expect", "100-continue")], body=b"")
    until(lambda: client.hear() and client.answers[stream]["interim"], "100")
    client.upload({stream: b"expected"}, ends=True)
    check(client.wait(stream)["body"] == b"expected", "after 100")
    # An answer before the request is complete: the rest of it is read for a while, then it is told to stop.
    stream = client.ask("/early", "POST", body=b"x" * 300_000)
    check(client.wait(stream)["status"] == 403 and client.answers[stream]["end"] == "whole", "refused early")
    check(client.get("/panic")["end"] == INTERNAL or client.answers[max(client.answers)]["status"] == 502, "a program that aborts")
    check(client.get("/abort?n=1000")["end"] == INTERNAL, "a response that is not whole")
    check(client.get("/echo", "POST", [("content-length", "5000000")], body=b"x")["status"] == 413, "too large a body")
    # Many at once, and one that waits holds nobody up.
    slow = client.ask("/sleep?ms=300")
    streams = {client.ask(f"/big?n={i * 5000}"): i * 5000 for i in range(80)}
    check(all(len(client.wait(one)["body"]) == size for one, size in streams.items()), "many at once")
    check(client.wait(slow)["body"] == b"slept\n", "the slow one")
    # More than one window for all of them: those that came first begin with what there is.
    streams = {client.ask("/digest", "POST", body=b""): os.urandom(250_000) for _ in range(12)}
    client.upload(streams, ends=True)
    check(all(client.wait(one)["body"].startswith(b"250000 ") for one in streams), "uploads side by side")
    # A process that dies takes all of its requests along, and not their connection.
    stuck = [client.ask("/stuck") for _ in range(20)]
    n.wait_metric("^aotc_instances", 20)
    n.kill()
    check({client.wait(one)["status"] for one in stuck} == {502}, "their process died")
    until(lambda: client.get()["status"] == 200, "it serves again")

    # What is not a request.
    for what, head in (("two hosts", client.head(more=[("host", "y")])), ("no scheme of ours", client.head(scheme="ftp"))):
        stream = client.h2.get_next_available_stream_id()
        client.answers[stream] = {"interim": [], "body": b"", "trailers": None, "end": None}
        client.h2.send_headers(stream, head, end_stream=True)
        client.flush()
        check(client.wait(stream)["status"] == 400, what)
    check(client.get(method="CONNECT", scheme=None, path=None)["status"] == 501, "CONNECT")
    check(client.get(method="CONNECT", protocol="websocket")["status"] == 400, "a tunnel with an end")
    for what, words in (("connection", {"more": [("connection", "close")]}), ("upgrade", {"more": [("transfer-encoding", "chunked")]}),
                        ("upper case", {"more": [("X-Upper", "1")]}), ("a line end", {"more": [("x", "a\r\nb: c")]}),
                        ("a space in the path", {"target": "/hello x"}), ("no path", {"path": None}), ("a pseudo-header of its own", {"other": "1"}),
                        ("a protocol without CONNECT", {"protocol": "websocket"}), ("te", {"more": [("te", "gzip")]})):
        check(client.get(**words)["end"] == PROTOCOL, f"{what}: {client.answers[max(client.answers)]}")
    check(client.get(more=[("x", "y" * 17000)])["status"] == 431, "a header that is too large")
    check(client.get()["status"] == 200, "after all of this")
    client.close()

with node(APPS, "--deadline", "10s", "--loops", "1") as n:
    # A node that is told to stop: what has come is answered, no more of it comes.
    client = Http2(n.port)
    client.get()
    last = client.ask("/sleep?ms=3000")
    n.wait_metric("^aotc_instances", 1)
    n.process.send_signal(signal.SIGTERM)
    while not client.goaways:
        client.hear()
    during = client.ask("/hello")
    check(client.wait(during)["status"] == 200, "one that was on its way")
    check(client.wait(last)["body"] == b"slept\n", "the last one")
    client.wait_end()
    check(client.goaways == [(0, 2**31 - 1), (0, during)], f"{client.goaways}")
    check(n.process.wait(60) == 0, "it ended")
