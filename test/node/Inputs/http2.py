"""http2.py ARTIFACT: what requests by HTTP/2 become, and what hostile frames do; see ../http2.test"""
import hashlib
import os
import signal
import sys
import time

from harness import check, connect, until
from http2_client import CALM, CANCEL, INTERNAL, PROTOCOL, REFUSED, Http2, frame
from node import node

APPS = [f"site={sys.argv[1]}"]


def flood(n, what, frames, again=200, **how):
    """Sends the frames again and again, until the node has had enough of them."""
    before = n.metric('clients_closed_total.*"flood"')
    client = Http2(n.port, **how)
    client.get()
    for _ in range(again):
        client.raw(*frames)
    client.socket.shutdown(1)
    code = client.wait_end()
    check(code in (CALM, None), f"{what}: {client.goaways}")
    until(lambda: n.metric('clients_closed_total.*"flood"') == before + 1, f"{what}: counted")


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
    for what, words in (("connection", {"more": [("connection", "close")]}), ("upgrade", {"more": [("transfer-encoding", "chunked")]}),
                        ("upper case", {"more": [("X-Upper", "1")]}), ("a line end", {"more": [("x", "a\r\nb: c")]}),
                        ("a space in the path", {"target": "/hello x"}), ("no path", {"path": None}), ("a pseudo-header of its own", {"other": "1"}),
                        ("an unasked protocol", {"method": "CONNECT", "protocol": "websocket"}), ("te", {"more": [("te", "gzip")]})):
        check(client.get(**words)["end"] == PROTOCOL, f"{what}: {client.answers[max(client.answers)]}")
    check(client.get(more=[("x", "y" * 17000)])["status"] == 431, "a header that is too large")
    check(client.get()["status"] == 200, "after all of this")
    client.close()

    # What costs only. The program has nothing to do with it.
    ping, settings = frame.PingFrame(0, b"12345678"), frame.SettingsFrame(0, {4: 70000})
    for what, frames in (("pings", [ping] * 100), ("settings", [settings] * 100), ("priorities", [frame.PriorityFrame(1, 0)] * 100),
                         ("windows", [frame.WindowUpdateFrame(0, 1)] * 100)):
        flood(n, what, frames)
    flood(n, "empty data", [frame.HeadersFrame(3, Http2(n.port).h2.encoder.encode(client.head("/digest", "POST")), flags=["END_HEADERS"])] +
          [frame.DataFrame(3)] * 10000, 1)
    # Requests that are taken back (CVE-2023-44487), and that we are made to take back (CVE-2025-8671).
    encode, frames = Http2(n.port).h2.encoder.encode, []
    for stream in range(3, 1600, 2):
        frames += [frame.HeadersFrame(stream, encode(client.head("/stuck")), flags=["END_HEADERS", "END_STREAM"]), frame.RstStreamFrame(stream, CANCEL)]
    flood(n, "rapid reset", frames, 1)
    client, count = Http2(n.port), 0
    while not client.goaways and not client.ended:
        streams = [client.ask("/stuck") for _ in range(50)]
        client.raw(*[frame.WindowUpdateFrame(stream, 0x7fffffff) for stream in streams])
        while not client.goaways and any(client.answers[one]["end"] is None for one in streams) and client.hear():
            pass
        count += sum(client.answers[one]["end"] is not None for one in streams)
    check(client.wait_end() == CALM and count < 400, f"made to reset: {client.goaways} after {count}")
    n.wait_metric("^aotc_instances", 0)
    # A header without an end.
    for what, head, more in (("continuations", b"", [frame.ContinuationFrame(1, b"")] * 1000),
                             ("a header that swells", Http2(n.port).h2.encoder.encode([("x" * 50, "y" * 3900)]), [frame.ContinuationFrame(1, b"\xbe" * 16000)] * 4)):
        client = Http2(n.port)
        client.raw(frame.HeadersFrame(1, head, flags=[]), *more)
        code = client.wait_end()
        check(client.ended and code in (CALM, PROTOCOL, INTERNAL, None), f"{what}: {client.goaways}")
    # No frames at all.
    for data in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"GET / HTTP/1.1\r\n\r\n" * 10, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"):
        with connect(n.port) as c:
            c.sendall(data)
            while c.recv(65536):
                pass
    check(Http2(n.port).get()["status"] == 200, "the next client")

with node(APPS, "--deadline", "10s", "--max-streams", "4", "--grace", "1s", "--min-rate", "10K", "--idle-timeout", "2s", "--loops", "1") as n:
    # Streams that are too many, before it could know, and when it knows.
    client = Http2(n.port)
    streams = [client.ask("/sleep?ms=200") for _ in range(6)]
    check([client.wait(one)["end"] for one in streams] == ["whole"] * 4 + [REFUSED] * 2, "six streams")
    last = [client.ask("/sleep?ms=5000") for _ in range(4)][-1]
    client.raw(frame.HeadersFrame(last + 2, client.h2.encoder.encode(client.head()), flags=["END_HEADERS", "END_STREAM"]))
    check(client.wait_end() == PROTOCOL, f"a fifth one: {client.goaways}")
    client.close()
    # Who takes nothing of one response gets no more of it, and loses it; the rest goes on.
    client = Http2(n.port, window=0)
    client.hear()
    held = client.ask("/big?n=5000000")
    stuck = client.ask("/sleep?ms=4000")
    n.wait_metric("^aotc_instances", 2)
    check(n.metric("^aotc_client_bytes") < 1 << 20, "what it costs")
    check(client.wait(held)["end"] == CANCEL, "a response that is not taken")
    client.h2.update_settings({4: 65535})
    client.flush()
    check(client.wait(stuck)["body"] == b"slept\n", "the other one")
    # The same of a body that does not come.
    check(client.get("/echo", "POST", body=b"x")["end"] == CANCEL, "a body that does not come")
    client.close()
    # Who takes nothing of anything.
    client = Http2(n.port)
    client.credits = False
    client.h2.update_settings({4: 1 << 30})
    client.h2.increment_flow_control_window(1 << 30)
    client.ask("/big?n=50000000")
    n.wait_metric('clients_closed_total.*"slow_response"', 1)
    check(n.metric("^aotc_client_bytes") < 1 << 20, "and nothing is left")
    client.close()
    # A header that does not end, and a connection that only lives.
    client = Http2(n.port)
    client.raw(frame.HeadersFrame(1, b"", flags=[]))
    n.wait_metric('clients_closed_total.*"slow_header"', 1)
    client = Http2(n.port)
    while not client.ended:
        client.raw(frame.PingFrame(0, b"12345678"))
        client.hear()
        time.sleep(0.05)
    check(client.goaways == [(0, 0)] and n.metric('clients_closed_total.*"idle"') >= 1, f"idle: {client.goaways}")

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
