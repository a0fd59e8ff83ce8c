"""websocket_to_node.py ARTIFACT HANDLER: answers that are no tunnel, and tunnels that only one side would have; see ../websocket_to_node.test"""
import sys

from harness import check, connect, read_all, reset, talk, until
from node import node
from websockets_client import UPGRADE, ending, handshake, open_tunnel, websocket

artifact, handler = sys.argv[1:]

with node([f"site={artifact}"], "--loops", "2") as n:
    # Any other answer is one; what was sent behind, as into a tunnel, is no request.
    get = handshake("/any")
    check(b'GET HTTP/1.1 ["Upgrade"] ["websocket"] ["dGhl' in talk(n.port, get + get), "what the program sees")
    check(talk(n.port, get + get).count(b"HTTP/1.1") == 2, "one answer, which names the version")
    check(b"\r\nConnection: close\r\n" in talk(n.port, get), "with which the connection ends")
    check(b"400" in talk(n.port, handshake("/gorilla", UPGRADE.replace("13", "12"))).split(b"\r\n")[0], "a refusal")
    for what, request in (("POST", handshake("/any", UPGRADE + "Connection: close\r\n", "POST")), ("a body", handshake("/any", UPGRADE + "Connection: close\r\nContent-Length: 1\r\n") + b"x"),
                          ("chunks", handshake("/any", UPGRADE + "Connection: close\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n"),
                          ("no option", handshake("/any", UPGRADE.replace("Connection: Upgrade", "Connection: close"))), ("HTTP/1.0", get.replace(b"1.1", b"1.0"))):
        check(b" [] [] [" in talk(n.port, request), f"no offer of an upgrade: {what}: {talk(n.port, request)}")
    # 101 to those who asked for nothing, or for something else.
    switch = "HTTP/1.1%20101%20X||"
    for what, request in (("unasked", handshake(f"/says?what={switch.replace('||', '|Upgrade:websocket|Connection:upgrade||')}", "Connection: close\r\n")),
                          ("h2c", handshake(f"/says?what={switch.replace('||', '|Upgrade:h2c|Connection:upgrade||')}")), ("to nothing", handshake(f"/says?what={switch}")),
                          ("without the option", handshake(f"/says?what={switch.replace('||', '|Upgrade:websocket||')}")),
                          ("of HTTP/1.0", handshake(f"/says?what={switch.replace('||', '|Upgrade:websocket|Connection:upgrade||').replace('1.1', '1.0')}"))):
        check(talk(n.port, request).startswith(b"HTTP/1.1 502"), f"101 {what}: {talk(n.port, request)}")
    # An interim response before it; one that is cut.
    interim = "HTTP/1.1%20103%20X|Link:a||" + switch.replace("||", "|Upgrade:websocket|Connection:upgrade||") + "bytes"
    check(talk(n.port, handshake(f"/says?what={interim}")).endswith(b"\r\n\r\nbytes"), "after an interim response")
    check(talk(n.port, handshake(f"/says?what={switch[:-1]}")).startswith(b"HTTP/1.1 502"), "half a head")

# What a program may not.
with node([f"site={artifact}"], "--deadline", "300ms", "--max-concurrency", "1", "--grace", "200ms") as n:
    for word, cause in (("spin", "deadline"), ("exit", "exit"), ("panic", "exit")):
        with websocket(n.port, "/gorilla") as c:
            c.send(word)
            check(ending(c) == (None, "ConnectionClosedError"), word)
        n.wait_metric(f'aotc_kills_total.*cause="{cause}"', 2 if word == "panic" else 1)
    c, _, _ = open_tunnel(n.port, "/raw")
    with connect(n.port) as other:
        other.sendall(b"GET /any HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        check(read_all(other).startswith(b"HTTP/1.1 503"), "the limits count it")
    reset(c)
    n.wait_metric("^aotc_tunnels{", 0)
    # Who does not read holds a window, and goes; who is not read may send as much.
    c, _, _ = open_tunnel(n.port, "/raw?push=50000000")
    n.wait_metric('aotc_clients_closed_total.*reason="slow_response"', 1)
    check(n.metric(r'aotc_tunnel_bytes_total.*way="out"') < 20_000_000, "no more was made of it than its kernel took")
    c.close()
    n.wait_metric("^aotc_tunnels{", 0)
    before = n.metric(r'aotc_tunnel_bytes_total.*way="in"')
    c, _, _ = open_tunnel(n.port, "/raw?wait=3600000")
    c.setblocking(False)

    def send_on():
        try:
            while True:
                c.send(b"x" * 65536)
        except BlockingIOError:
            return n.metric(r'aotc_tunnel_bytes_total.*way="in"') - before > 250 << 10

    until(send_on, "a window is full")
    check(n.metric("^aotc_client_bytes") < 2_000_000, "and buffers no fuller than for a request")
    check(n.metric(r'aotc_tunnel_bytes_total.*way="in"') - before <= 256 << 10, "no more than that")
    reset(c)
    n.wait_metric("^aotc_tunnels{", 0)

# Behind a handler there is no tunnel, whatever the program says.
with node([f"site={handler},{artifact}"], up=False) as n:
    n.wait_log("ready", 1)
    check(b" [] [] [" in talk(n.port, handshake("/any")), "a handler passes no offer on")
    for _ in range(2):
        check(talk(n.port, handshake(f"/says?what={switch.replace('||', '|Upgrade:websocket|Connection:upgrade||')}")).startswith(b"HTTP/1.1 502"), "101 behind a handler")
    check(n.metric("^aotc_restarts_total") == 0 == n.metric("^aotc_tunnels_ended_total"), "of which no process had to end")
