"""http2_to_node.py ARTIFACT: frames that only cost, and windows that stay shut; see ../http2_to_node.test"""
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


with node(APPS, "--deadline", "10s", "--max-header", "16K", "--loops", "2") as n:
    client = Http2(n.port)  # for what it knows
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
