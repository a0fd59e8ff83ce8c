"""websocket.py ARTIFACT NATIVE: WebSockets through a node, and with the same program built natively; see ../websocket.test"""
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys

from harness import check, read_all, reset, talk, until
from node import node
from websockets_client import ending, mask_frame, open_tunnel, receive, websocket
from websockets.frames import Close

artifact, native = sys.argv[1:]
LIBRARIES = ("gorilla", "coder", "xnet")


def conversations(port):
    for library in LIBRARIES:
        for compression in ("deflate", None):
            with websocket(port, f"/{library}", compression=compression, subprotocols=None if library == "xnet" else ["aotc.echo", "other"]) as c:
                yield library, "head", c.subprotocol, c.response.headers.get("sec-websocket-extensions"), c.response.headers.get("x-own")
                # The last of them answers each frame, or piece of one, and with bytes.
                for size in (1, 125, 126, 65535, 65536, 1_000_000):
                    data, came = os.urandom(size), b""
                    c.send(data)
                    while len(came) < size:
                        came += c.recv()
                    check(data == came, f"{library} echoes {size}")
                c.send("Grüße")
                yield library, "text", c.recv()
                c.send(iter([b"in ", b"three ", b"parts"]))
                yield library, "parts", [c.recv() for _ in range(3 if library == "xnet" else 1)]
                yield library, "pong", c.ping("x").wait(60)
                c.close(4001, "thank you")
                yield library, "closed", c.close_code, c.close_reason
    with websocket(port, "/tick?n=3&ms=20") as c:
        yield "a server that speaks", [c.recv() for _ in range(3)], ending(c)
    c, head, came = open_tunnel(port, "/raw?first=hello")
    yield "by itself", sorted(head.split(b"\r\n")[0:1] + [line for line in head.split(b"\r\n") if line.startswith(b"X-Other")]), receive(c, 5, came)
    c.sendall(b"abc")
    yield "bytes", receive(c, 3)
    c.shutdown(socket.SHUT_WR)
    yield "half closed", read_all(c)
    c, _, came = open_tunnel(port, "/raw?push=3000000")
    yield "a server that sends and leaves", len(came) + len(read_all(c))
    data = os.urandom(1_500_000).hex().encode()
    c, _, came = open_tunnel(port, "/raw", data[:1000])
    for at in range(1000, len(data), 100_000):
        c.sendall(data[at:at + 100_000])
    c.shutdown(socket.SHUT_WR)
    check(came + read_all(c) == data.upper() + b"[3000000 and EOF]", "all that was sent before the end")


with subprocess.Popen([native, "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
    expected = list(conversations(int(program.stdout.readline().rsplit(":", 1)[1])))
    program.kill()

# A tunnel outlives what other requests may take.
with node([f"site={artifact}"], "--timeout", "200ms", "--deadline", "10s", "--loops", "2") as n:
    for here, there in itertools.zip_longest(expected, conversations(n.port)):
        check(here == there, f"natively {here}, through a node {there}")
    with websocket(n.port, "/tick?n=2&ms=400") as c:
        check([c.recv() for _ in range(2)] == ["0", "1"], "it waits for longer than a request may")
    n.wait_metric("^aotc_instances", 0)
    ended = n.wait_log("tunnel ended")
    check(ended["app"] == "site" and ended["level"] == "info" and ended["path"] == "/gorilla" and ended["bytes_in"] > 1_000_000, f"{ended}")
    count = n.metric('aotc_requests_total.*code="101"')
    check(count > 10 and count == n.metric("aotc_tunnels_ended_total"), "each counts once, and is over")
    check(n.metric(r'aotc_requests_total.*code="(0|[2345]..)"') == 0, "and as nothing else")

    # An instance each, and many at a time.
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(websocket(n.port, "/gorilla")) for _ in range(40)]
        for c in many:
            c.send("served")
        check([c.recv() for c in many] == ["1"] * 40, "each has an instance of its own")
        check(n.metric("^aotc_tunnels{") == 40 == n.metric("^aotc_instances"), "which are in use")
        reset(many.pop().socket)
        n.wait_metric("^aotc_tunnels{", 39)
        n.kill()
        check(all(ending(c)[1] == "ConnectionClosedError" for c in many), "their process died")
    n.wait_metric('aotc_tunnels_ended_total.*cause="failed"', 39)
    until(lambda: talk(n.port, b"GET /any HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200"), "it serves again")

# The end that a node makes: the program hears that its client leaves, and answers that.
GOING_AWAY = (Close(1001, ""), "ConnectionClosedOK")
for options, cause in ((("--tunnel-idle", "300ms"), "idle"), (("--tunnel-timeout", "300ms"), "timeout")):
    with node([f"site={artifact}"], *options) as n:
        with websocket(n.port, "/gorilla") as c, websocket(n.port, "/coder") as d:
            check((ending(c), ending(d)) == (GOING_AWAY, GOING_AWAY), cause)
        n.wait_metric(f'aotc_tunnels_ended_total.*cause="{cause}"', 2)
        if cause == "timeout":
            continue
        half, _, _ = open_tunnel(n.port, "/gorilla", mask_frame(b"unfinished")[:-1])
        other, _, came = open_tunnel(n.port, "/raw", b"no frames")
        deaf, _, _ = open_tunnel(n.port, "/raw?wait=3600000")
        check(read_all(half) == b"", "in the middle of a frame there is nothing to say")
        check(came + read_all(other) == b"NO FRAMES[9 and EOF]", "nor to who speaks something else")
        check(read_all(deaf) == b"", "a program that does not listen is not waited for")

# What replaces its process lets it end, and so does what ends the node.
FILE = f"{artifact}.yaml"


def write(deadline):
    with open(FILE, "w") as file:
        file.write(f"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nloops: 1\napps: {{site: {{artifact: {artifact}, deadline: {deadline}}}}}\n")


write("1s")
with node([], file=FILE) as n:
    n.wait_log("ready")
    with websocket(n.port, "/gorilla") as c, websocket(n.port, "/coder") as d:
        for one in (c, d):
            one.send(b"x")
            one.recv()
        write("2s")
        n.process.send_signal(signal.SIGHUP)
        check((ending(c), ending(d)) == (GOING_AWAY, GOING_AWAY), "its process is replaced")
    n.wait_log("ready", 1)
    with websocket(n.port, "/gorilla") as c:
        c.send("served")
        check(c.recv() == "1", "by one that serves")
        n.process.send_signal(signal.SIGTERM)
        check(ending(c) == GOING_AWAY, "the node stops")
    check(n.process.wait(60) == 0, "it ended")
    check(sum(line["message"] == "tunnel ended" and line["cause"] == "drain" for line in n.lines) == 3, "and says why")
