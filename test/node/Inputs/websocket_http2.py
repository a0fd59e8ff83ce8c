"""websocket_http2.py ARTIFACT FOLDER: WebSockets by HTTP/2 (RFC 8441); see ../websocket_http2.test"""
import os
import shutil
import signal
import socket
import ssl
import sys

from certificates import Authority
from harness import PATIENCE, check, until
from http2_client import CANCEL, INTERNAL, Http2
from node import node
from websockets_client import frame, mask_frame

artifact, folder = sys.argv[1:]
shutil.rmtree(folder, ignore_errors=True)
authority = Authority(folder)
authority.issue(f"{folder}/a.pem", "DNS:a.example")
VERSION = [("sec-websocket-version", "13")]
CLOSE = frame((1001).to_bytes(2, "big"), 8)


def ask(client, target="/gorilla", more=(), **words):
    return client.ask(target, "CONNECT", VERSION + list(more), body=b"", **{"protocol": "websocket", **words})


def heard(client, stream, data):
    until(lambda: client.answers[stream]["body"].endswith(data) or not client.hear(), f"{data[:50]}")
    check(client.answers[stream]["body"].endswith(data), f"{data[:50]} at the end of {client.answers[stream]['body'][-100:]}")


def by_tls(n):
    context = ssl.create_default_context(cafile=authority.root)
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(socket.create_connection(("127.0.0.1", n.tls), timeout=PATIENCE), server_hostname="a.example")


def talk(client):
    # Three tunnels and a request, beside each other.
    streams = {ask(client, f"/{library}", [("origin", "http://x")]): library for library in ("gorilla", "coder", "xnet")}
    any_other = client.ask("/any")
    for size in (1, 200, 70_000):
        data = os.urandom(size)
        # The last of them answers what is large in pieces.
        asked = [stream for stream in streams if size < 1000 or streams[stream] != "xnet"]
        client.upload({stream: mask_frame(data) for stream in asked})
        for stream in asked:
            heard(client, stream, frame(data))
    check(client.wait(any_other)["status"] == 200, "a request beside them")
    for stream in streams:
        fields = client.answers[stream]["fields"]
        check(fields[":status"] == "200" and not {"upgrade", "connection", "sec-websocket-accept", "content-length"} & set(fields), f"{fields}")
        client.upload({stream: mask_frame((4001).to_bytes(2, "big"), 8)}, ends=True)
        check(client.wait(stream)["end"] == "whole", streams[stream])


with node([f"site={artifact}"], "--listen-tls", "127.0.0.1:0", "--certificate", f"{folder}/a.pem", "--loops", "1", "--timeout", "300ms", "--deadline", "10s") as n:
    n.tls, n.admin = (int(n.wait_log("listening on ", i)["message"].rsplit(":", 1)[1]) for i in (1, 2))
    client = Http2(n.port)
    client.get("/any")
    check(client.h2.remote_settings.enable_connect_protocol == 1, "it says that it can")
    talk(client)
    talk(Http2(n.port, connection=by_tls(n)))
    n.wait_metric("^aotc_tunnels{", 0)
    check(n.metric('aotc_requests_total.*code="101"') == 6, "counted as by HTTP/1.1")

    # By hand: the head that its program sees, bytes that come ahead of the answer, one half that ends before the other.
    stream = ask(client, "/raw?first=hello", [("sec-websocket-key", "a"), ("cookie", "a=1")])
    client.upload({stream: b"ahead"})
    heard(client, stream, b"helloAHEAD")
    check(client.answers[stream]["fields"].get("x-other") == "yes" and "x-own" not in client.answers[stream]["fields"], "fields of the answer")
    client.upload({stream: b"behind"}, ends=True)
    check(client.wait(stream)["body"] == b"helloAHEADBEHIND[11 and EOF]" and client.answers[stream]["end"] == "whole", "half closed")
    stream = ask(client, "/any")
    seen = client.wait(stream)
    check(seen["status"] == 200 and seen["body"] == b'GET HTTP/1.1 ["Upgrade"] ["websocket"] ["UkZDIDg0NDE6IG5vIGtleQ=="]\n', f"{seen}")
    # Much of it, in both directions.
    stream, data = ask(client, "/raw"), os.urandom(1_000_000).hex().encode()
    client.upload({stream: data}, ends=True)
    check(client.wait(stream)["body"] == data.upper() + b"[2000000 and EOF]", "2 MB there and back")
    stream = ask(client, "/raw?push=3000000")
    check(len(client.wait(stream)["body"]) == 3_000_000, "3 MB")

    # What is no WebSocket.
    check(client.wait(ask(client, protocol="connect-udp"))["status"] == 501, "another protocol")
    check(client.wait(client.ask("/gorilla", "CONNECT", VERSION, body=b"", scheme=None, path=None))["status"] == 501, "no protocol")
    check(client.wait(ask(client, more=[("content-length", "5")]))["status"] == 400, "a length")
    check(client.wait(ask(client, "/gorilla", scheme="ws"))["status"] == 400, "a scheme that is none here")
    check(client.wait(client.ask("/gorilla", "GET", VERSION))["status"] == 400, "a GET is no WebSocket")
    switch = "HTTP/1.1%20101%20X|Upgrade:websocket|Connection:upgrade||"
    check(client.wait(client.ask(f"/says?what={switch}"))["status"] == 502, "101 to who did not ask")
    # Programs that fail, and clients that leave; nobody else notices.
    other = ask(client)
    for word in (b"exit", b"panic"):
        stream = ask(client)
        client.upload({stream: mask_frame(word, 1)})
        check(client.wait(stream)["end"] == INTERNAL, f"{word}")
    stream = ask(client)
    heard_before = n.metric('aotc_tunnels_ended_total.*cause="client"')
    client.upload({stream: mask_frame(b"x")})
    heard(client, stream, frame(b"x"))
    client.h2.reset_stream(stream, CANCEL)
    client.flush()
    n.wait_metric('aotc_tunnels_ended_total.*cause="client"', heard_before + 1)
    client.upload({other: mask_frame(b"still")})
    heard(client, other, frame(b"still"))
    # One that does not read holds its window, and no other.
    shut = Http2(n.port)
    shut.credits = False
    stream = ask(shut, "/raw?push=5000000")
    until(lambda: len(shut.answers[stream]["body"]) == 65535 or not shut.hear(), "a window")
    shut.close()
    n.process.send_signal(signal.SIGTERM)
    check(client.wait(other)["body"].endswith(CLOSE) and client.answers[other]["end"] == "whole", "the node stops, and says so")
    check(n.process.wait(60) == 0, "it ended")
