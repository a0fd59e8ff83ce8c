"""hostile_requests.py ARTIFACT: what two readers of HTTP could read in two ways, aotc-node refuses, and says by its status how
it took it. Each request is sent whole, then byte by byte, then with another behind it: no second request comes out of any.
"""
import socket
import sys

from harness import check, connect, read_all
from node import node

LENGTH, CHUNKED = b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n"
ONE_CHUNK = b"1\r\na\r\n0\r\n\r\n"
BEHIND = b"GET /hello?smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def get(line=b"GET /headers HTTP/1.1", fields=b"", host=b"Host: x\r\n", connection=b"close"):
    return line + b"\r\n" + host + fields + b"Connection: " + connection + b"\r\n\r\n"


def post(fields, body=b"a", connection=b"close", line=b"POST /echo HTTP/1.1"):
    return get(line, fields, connection=connection) + body


def coded(value, body=ONE_CHUNK):
    return post(b"Transfer-Encoding:" + value + b"\r\n", body)


def chunks(body):
    return post(CHUNKED, body)


# What a program prints that got no field but the node's own.
NO_FIELDS = b"\r\n\r\nForwarded: for=127.0.0.1;proto=http\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: http\nx HTTP/1.1 0 []"
# name: request, status, and for some what has to be in the answer
REQUESTS = {
    # What is good stays good.
    "a request": (get(), 203, b"x HTTP/1.1 0 []"),
    "a chunked body": (chunks(ONE_CHUNK), 200, b"a"),
    "codings are compared without case": (coded(b" CHUNKED"), 200, b"a"),
    "an extension and a trailer": (chunks(b"1;a=\"b\";c\r\na\r\n0\r\nX: y\r\n\r\n"), 200, b"a"),
    "an empty Host": (get(host=b"Host:\r\n"), 203, b" HTTP/1.1 0 []"),
    "no Host in HTTP/1.0": (get(b"GET /headers HTTP/1.0", host=b""), 203, b" HTTP/1.1 0 []"),
    "the same length twice": (post(LENGTH + LENGTH), 200, b"a"),
    "many fields": (get(fields=b"X: y\r\n" * 1000), 203, b"X: y|y"),
    "OPTIONS *": (get(b"OPTIONS * HTTP/1.1"), 200),

    # Codings: what is under chunked would be lost.
    "gzip, chunked": (coded(b" gzip, chunked"), 501),
    "identity, chunked": (coded(b" identity, chunked"), 501),
    "chunked, gzip": (coded(b" chunked, gzip"), 501),
    "chunked, chunked": (coded(b" chunked, chunked"), 501),
    "gzip": (coded(b" gzip", b""), 501),
    "identity": (coded(b" identity", b""), 501),
    "no coding": (coded(b"", b""), 501),
    "an empty coding first": (coded(b" , chunked"), 501),
    "a coding with a parameter": (coded(b" chunked;q=1"), 501),
    "a coding in quotes": (coded(b" \"chunked\""), 501),
    "nearly chunked": (coded(b" xchunked"), 501),
    "a control character before chunked": (coded(b" \x0bchunked"), 400),
    "gzip, then chunked, in two fields": (post(b"Transfer-Encoding: gzip\r\n" + CHUNKED, ONE_CHUNK), 501),
    "chunked, then gzip, in two fields": (post(CHUNKED + b"Transfer-Encoding: gzip\r\n", ONE_CHUNK), 400),
    "chunked twice, in two fields": (post(CHUNKED + CHUNKED, ONE_CHUNK), 400),
    "chunked in HTTP/1.0": (post(CHUNKED, ONE_CHUNK, line=b"POST /echo HTTP/1.0"), 400),

    # Lengths.
    "chunked and a length": (post(CHUNKED + LENGTH, ONE_CHUNK), 400),
    "a length and chunked": (post(LENGTH + CHUNKED, ONE_CHUNK), 400),
    "two lengths": (post(LENGTH + b"Content-Length: 2\r\n"), 400),
    "a list of lengths": (post(b"Content-Length: 1, 1\r\n"), 400),
    **{f"the length {text}": (post(b"Content-Length: " + text + b"\r\n"), 400)
       for text in (b"", b"+1", b"-1", b"0x1", b"1_0", b"1 1", b"1.", b"18446744073709551617")},
    "a length over the limit": (post(b"Content-Length: 1001\r\n"), 413),

    # Lines.
    "a space before the colon": (post(b"Content-Length : 1\r\n"), 400),
    "a tab before the colon": (post(b"Transfer-Encoding\t: chunked\r\n", ONE_CHUNK), 400),
    "a field without a name": (get(fields=b": y\r\n"), 400),
    "a field without a colon": (get(fields=b"X-A\r\n"), 400),
    "a first field that is folded": (get(host=b" Host: x\r\n"), 400),
    "a folded field": (get(fields=b"X-A: b\r\n c\r\n"), 400),
    "a field folded with a tab": (get(fields=b"X-A: b\r\n\tc\r\n"), 400),
    "a field folded before its value": (get(fields=b"X-A:\r\n c\r\n"), 400),
    "a field folded behind its value": (get(fields=b"X-A: b\r\n \r\n"), 400),
    "a folded coding": (coded(b"\r\n chunked"), 400),
    "a folded trailer": (chunks(b"1\r\na\r\n0\r\nX: y\r\n z\r\n\r\n"), 400),
    "NUL in a value": (get(fields=b"X-A: a\0b\r\n"), 400),
    "NUL in a name": (get(fields=b"X\0A: a\r\n"), 400),
    "CR in a value": (get(fields=b"X-A: a\rContent-Length: 5\r\n"), 400),
    "LF in a value": (get(fields=b"X-A: a\nContent-Length: 5\r\n"), 400),
    "LF for every CRLF": (get().replace(b"\r\n", b"\n"), 400),
    "LF after the request line": (get().replace(b"\r\n", b"\n", 1), 400),
    "LF at the end": (get()[:-2] + b"\n", 400),
    "CR for every CRLF": (get().replace(b"\r\n", b"\r"), 400),
    "a header over the limit": (get(fields=b"X: " + b"y" * (1 << 20) + b"\r\n"), 431),
    "many fields over the limit": (get(fields=(b"X: " + b"y" * 100 + b"\r\n") * 10000), 431),
    "a target over the limit": (get(b"GET /" + b"y" * (1 << 20) + b" HTTP/1.1"), 431),
    "LF far behind": (get(fields=b"X: " + b"y" * 700000 + b"\nY: y\r\n"), 400),
    "CR far behind": (get(fields=b"X: " + b"y" * 700000 + b"\rY: y\r\n"), 400),

    # The request line.
    "tabs": (get(b"GET\t/headers\tHTTP/1.1"), 400),
    "two spaces": (get(b"GET  /headers HTTP/1.1"), 400),
    "a space behind": (get(b"GET /headers HTTP/1.1 "), 400),
    "a space in the target": (get(b"GET /head ers HTTP/1.1"), 400),
    "NUL in the target": (get(b"GET /a\0b HTTP/1.1"), 400),
    "DEL in the target": (get(b"GET /a\x7fb HTTP/1.1"), 400),
    "an empty line before": (b"\r\n" + get(), 400),
    "no version": (get(b"GET /headers"), 400),
    "HTTP/2.0": (get(b"GET /headers HTTP/2.0"), 505),
    "HTTP/1.10": (get(b"GET /headers HTTP/1.10"), 400),
    "http/1.1": (get(b"GET /headers http/1.1"), 400),
    "HTTP/11": (get(b"GET /headers HTTP/11"), 400),
    "a method that is no token": (get(b"G(T /headers HTTP/1.1"), 400),
    "CONNECT": (get(b"CONNECT x:80 HTTP/1.1"), 501),
    "a path without a slash": (get(b"GET headers HTTP/1.1"), 400),
    "an asterisk for a path": (get(b"GET * HTTP/1.1"), 400),

    # Where it goes: what the front routes by is what the program sees.
    "no Host": (get(host=b""), 400),
    "two Hosts": (get(host=b"Host: x\r\nHost: y\r\n"), 400),
    "the same Host twice": (get(host=b"Host: x\r\nHost: x\r\n"), 400),
    **{f"the Host {text}": (get(host=b"Host: " + text + b"\r\n"), 400) for text in (b"x, y", b"x/y", b"x y", b"a@x", b"x\x80", b"x?y", b"x#y")},
    "a URL": (get(b"GET http://x/headers HTTP/1.1"), 203, b"x HTTP/1.1 0 []"),
    "a URL of another host": (get(b"GET http://other/headers HTTP/1.1"), 203, b"other HTTP/1.1 0 []"),
    "a URL's scheme has no case": (get(b"GET HTTPS://other:1/headers HTTP/1.1"), 203, b"other:1 HTTP/1.1 0 []"),
    "a URL without a path": (get(b"GET http://other?a=b HTTP/1.1"), 404),
    "a URL and no Host": (get(b"GET http://other/headers HTTP/1.1", host=b""), 400),
    "OPTIONS of a URL without a path": (get(b"OPTIONS http://other HTTP/1.1"), 200),
    "a URL with a user": (get(b"GET http://u@other/headers HTTP/1.1"), 400),
    "a URL without a host": (get(b"GET http:///headers HTTP/1.1"), 400),
    "a URL with a fragment for a path": (get(b"GET http://other#/headers HTTP/1.1"), 400),
    "a URL of another scheme": (get(b"GET ftp://other/headers HTTP/1.1"), 400),
    "a scheme and a path": (get(b"GET http:/headers HTTP/1.1"), 400),

    # Connection: fields for us alone are left out, those that we need cannot be.
    "a field for the next hop": (get(fields=b"X-Hop: 1\r\nX-Stays: 2\r\n", connection=b"close, x-hop"), 203, b"X-Stays: 2\nx HTTP/1.1"),
    **{f"an upgrade to {text}": (get(fields=b"Upgrade: " + text + b"\r\nHTTP2-Settings: AAMAAABk\r\n",
                                     connection=b"close, Upgrade, HTTP2-Settings"), 203, NO_FIELDS)
       for text in (b"h2c", b"TLS/1.0, foo/2", b"websockets", b"", b", /websocket")},
    "an upgrade with a body": (post(b"Upgrade: h2c\r\n" + LENGTH, connection=b"close, Upgrade"), 200, b"a"),
    "an upgrade to be in chunks": (post(b"Upgrade: h2c\r\n" + CHUNKED, ONE_CHUNK, connection=b"close, Upgrade"), 200, b"a"),
    "an upgrade with two framings": (post(b"Upgrade: h2c\r\n" + LENGTH + CHUNKED, ONE_CHUNK, connection=b"close, Upgrade"), 400),
    "an upgrade, then HTTP/2": (get(fields=b"Upgrade: h2c\r\n", connection=b"Upgrade") + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 203, b"HTTP/1.1 505"),
    **{f"an upgrade to {text}": (get(fields=b"Upgrade: " + text + b"\r\n", connection=b"close, upgrade"), 203,
                                  b"Connection: Upgrade\nForwarded: for=127.0.0.1;proto=http\nUpgrade: websocket\n")
       for text in (b"websocket", b"h2c, WebSocket/13", b"h2c\r\nUpgrade: websocket")},
    "websocket with a body": (post(b"Upgrade: websocket\r\n" + LENGTH, connection=b"close, Upgrade"), 200, b"a"),
    "websocket in chunks": (post(b"Upgrade: websocket\r\n" + CHUNKED, ONE_CHUNK, connection=b"close, Upgrade"), 200, b"a"),
    "websocket with two framings": (post(b"Upgrade: websocket\r\n" + LENGTH + CHUNKED, ONE_CHUNK, connection=b"close, Upgrade"), 400),
    "websocket, then HTTP/2": (get(fields=b"Upgrade: websocket\r\n", connection=b"Upgrade") + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 203),
    "websocket, not for the next hop": (get(fields=b"Upgrade: websocket\r\n"), 203, NO_FIELDS),
    "websocket in HTTP/1.0": (get(b"GET /headers HTTP/1.0", b"Upgrade: websocket\r\n", connection=b"close, upgrade"), 203, NO_FIELDS),
    "Connection: Host": (get(connection=b"close, Host"), 400),
    "Connection: Content-Length": (post(LENGTH, connection=b"close, content-length"), 400),
    "Connection: Transfer-Encoding": (post(CHUNKED, ONE_CHUNK, connection=b"close,Transfer-Encoding"), 400),
    "Connection: Expect": (post(LENGTH, connection=b"close, expect"), 400),
    "Host in a second Connection": (get(fields=b"Connection: host\r\n"), 400),
    "Connection with words that are no tokens": (get(connection=b"close, a b"), 400),
    "Connection with many words": (get(connection=b"close" + b", a" * 33), 400),
    "an expectation that nobody knows": (post(b"Expect: 200-maybe\r\n" + LENGTH), 417),
    "another expectation behind": (post(b"Expect: 100-continue\r\nExpect: 200-maybe\r\n" + LENGTH), 417),

    # Chunks.
    **{f"the chunk size {text}": (chunks(text + b"\r\na\r\n0\r\n\r\n"), 400)
       for text in (b"", b"0x1", b"+1", b"-1", b" 1", b"1 ", b"g", b"10000000000000001", b"1;", b"1;=b", b"1;a=\"b", b"1;a=\"b\nc\"", b"1\n", b"1;\na")},
    "a chunk over the limit": (chunks(b"3e9\r\na"), 413),
    "a huge chunk": (chunks(b"ffffffffffffffff\r\na"), 413),
    "chunks over the limit": (chunks((b"64\r\n" + b"a" * 100 + b"\r\n") * 11), 413),
    "a chunk that is longer than its size": (chunks(b"1\r\nab\r\n0\r\n\r\n"), 400),
    "LF for every CRLF of a chunk": (chunks(b"1\na\n0\n\n"), 400),
    "LF after a chunk": (chunks(b"1\r\na\n0\r\n\r\n"), 400),
    "LF at the end of chunks": (chunks(b"1\r\na\r\n0\n\n"), 400),
    "LF at the end of the trailers": (chunks(b"1\r\na\r\n0\r\n\n"), 400),
    "a long extension": (chunks(b"1;a=" + b"b" * 20000 + b"\r\na\r\n0\r\n\r\n"), 400),
    "an extension that never ends": (chunks(b"1;a=" + b"b" * 100000), 400),
    "long extensions altogether": (chunks((b"1;a=" + b"b" * 1000 + b"\r\na\r\n") * 20), 400),
    "a long trailer": (chunks(b"1\r\na\r\n0\r\nX: " + b"y" * 20000 + b"\r\n\r\n"), 431),
    "trailers that never end": (chunks(b"1\r\na\r\n0\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 100), 400),
    "a trailer that is a length": (chunks(b"1\r\na\r\n0\r\nContent-Length: 5\r\n\r\n"), 400),
    "a trailer that is none": (chunks(b"1\r\na\r\n0\r\nX Y: y\r\n\r\n"), 400),
}


def answer(port, name, pieces):
    """Status and all that came; what it does not want of a request it may refuse before it has all."""
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass
        data = read_all(connection)
    check(data.startswith(b"HTTP/1.1 "), f"{name}: an answer, not {data[:100]}")
    return int(data.split()[1]), data


with node([f"site={sys.argv[1]}"], "--deadline", "20s", "--max-body", "1000") as n:
    for name, (request, status, *expected) in REQUESTS.items():
        whole = answer(n.port, name, [request])
        check(whole[0] == status, f"{name}: {whole[0]}, not {status}")
        for text in expected:
            check(text in whole[1], f"{name}: {text} in {whole[1]}")
        behind = answer(n.port, name, [request + BEHIND])
        check(behind[0] == status and b"smuggled" not in behind[1], f"{name}, and another request: {behind}")
        if len(request) < 400:
            in_bytes = answer(n.port, name, [request[at:at + 1] for at in range(len(request))])
            check(in_bytes[0] == status, f"{name}, byte by byte: {in_bytes[0]}, not {status}")
    check(n.metric("aotc_instances") == 0 and n.metric('requests_total.*code="0"') == 0, "nothing is left")
