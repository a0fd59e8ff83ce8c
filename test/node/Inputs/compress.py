"""compress.py ARTIFACT HANDLER: which responses are compressed, and how; see ../compress.test"""
import http.client
import sys
import urllib.parse
import zlib

import zstandard
from harness import PATIENCE, check
from http2_client import Http2
from node import node

artifact, handler = sys.argv[1:]
HTML = {"content-type": "text/html; charset=utf-8"}


def text(n):
    lines, size, i = [], 0, 0
    while size < n:
        lines.append(f"line {i * i} of some text\n")
        size += len(lines[-1])
        i += 1
    return "".join(lines)[:n].encode()


def decoder(coding):
    return {"gzip": lambda: zlib.decompressobj(31), "zstd": lambda: zstandard.ZstdDecompressor().decompressobj()}[coding]()


def ask(n, target, accept="gzip", method="GET", more=()):
    connection = http.client.HTTPConnection("127.0.0.1", n.port, timeout=PATIENCE)
    connection.request(method, target, headers={**({} if accept is None else {"Accept-Encoding": accept}), **dict(more)})
    response = connection.getresponse()
    body = response.read()
    coding = response.getheader("Content-Encoding")
    if method == "GET" and coding in ("gzip", "zstd"):
        decoded = decoder(coding)
        body, size = decoded.decompress(body), len(body)
        check(decoded.eof and size < len(body), f"{target}: whole, and smaller")
        check(response.getheader("Content-Length") is None, f"{target}: its length is not known")
    connection.close()
    return coding, body, response


def say(n, size, fields=None, accept="gzip", **more):
    query = urllib.parse.urlencode({"n": size, **(HTML if fields is None else fields), **more})
    return ask(n, f"/say?{query}", accept)


with node([f"site={artifact}"], "--compress", "--deadline", "10s", "--loops", "1") as n:
    # What the client wants.
    for accept, expected in ((None, None), ("", None), ("gzip", "gzip"), ("x-gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"), ("GZIP;q=0.5, zstd;Q=0.4", "gzip"),
                             ("gzip;q=0", None), ("*", "zstd"), ("*;q=0, gzip", "gzip"), ("zstd;q=0, *", "gzip"), ("identity", None), ("br", None), ("gzip;q=2", None), ("gzip;q=x", None),
                             ("gzip;q=0.001", "gzip"), (",;, gzip ; q=1.000", "gzip"), ("a" * 5000 + ",gzip", "gzip")):
        coding, body, response = say(n, 5000, accept=accept)
        check(coding == expected and body == text(5000), f"{accept}: {coding}")
        check(response.getheader("Vary") == "Accept-Encoding", f"{accept}: caches are told")
    # What there is.
    for size in (1, 1023, 1024, 70_000, 3_000_000):
        for more in ({}, {"parts": "1"}):
            # Of 2 KiB and less net/http knows the length.
            for accept in ("gzip", "zstd"):
                coding, body, _ = say(n, size, accept=accept, **more)
                check(coding == (None if size < 1024 else accept) and body == text(size), f"{size} {more}: {coding}")
    for kind in ("text/css", "TEXT/Plain", "application/json", "application/problem+json", "image/svg+xml", "application/javascript;x=1"):
        check(say(n, 5000, {"content-type": kind})[0] == "gzip", kind)
    for kind in ("image/png", "application/octet-stream", "application/zip", "texts/plain", "video/mp4"):
        coding, _, response = say(n, 5000, {"content-type": kind})
        check(coding is None and response.getheader("Vary") is None, kind)
    for name, value in (("content-encoding", "br"), ("content-encoding", "deflate"), ("cache-control", "max-age=1, no-transform"), ("Repr-Digest", "sha-256=:AA==:"), ("Content-MD5", "x")):
        coding, body, response = say(n, 5000, {**HTML, name: value})
        check(response.getheader(name) == value and (coding or value) == value and response.getheader("Vary") is None, f"{name}: {value}")
    for status, expected in ((200, "gzip"), (404, "gzip"), (500, "gzip"), (206, None)):
        check(say(n, 5000, status=status)[0] == expected, status)
    check([ask(n, "/say?n=0&status=" + status)[0] for status in ("204", "304")] == [None, None], "no body")
    coding, _, response = ask(n, "/say?n=5000&content-type=text/html&etag=%22a%22&parts=", method="HEAD")
    check(coding is None and response.getheader("Content-Length") == "5000" and response.getheader("ETag") == '"a"', "HEAD")
    # What it says of itself changes with it.
    for accept, etag, ranges in (("gzip", 'W/"a"', None), (None, '"a"', "bytes")):
        _, _, response = say(n, 5000, {**HTML, "etag": '"a"', "accept-ranges": "bytes"}, accept)
        check((response.getheader("ETag"), response.getheader("Accept-Ranges")) == (etag, ranges), f"{accept}: {response.headers}")
    check(say(n, 5000, {**HTML, "etag": 'W/"a"'})[2].getheader("ETag") == 'W/"a"', "a weak one")
    for vary, expected in (("Origin", "Origin, Accept-Encoding"), ("accept-encoding, Origin", "accept-encoding, Origin"), ("*", "*")):
        check(say(n, 5000, {**HTML, "vary": vary})[2].getheader("Vary") == expected, vary)
    # What is flushed can be read, by each version of HTTP.
    for coding in ("gzip", "zstd"):
        connection = http.client.HTTPConnection("127.0.0.1", n.port, timeout=PATIENCE)
        connection.request("GET", "/events?n=5", headers={"Accept-Encoding": coding})
        response, decoded, seen = connection.getresponse(), decoder(coding), b""
        check(response.getheader("Content-Encoding") == coding, "events")
        while not seen.endswith(b"event 4\n\n"):
            piece = response.read1(65536)
            check(piece, f"events, and no end: {seen}")
            seen += decoded.decompress(piece)
        connection.close()
        client = Http2(n.port)
        stream = client.ask("/events?n=5", more=[("accept-encoding", coding)])
        while not decoder(coding).decompress(client.answers[stream]["body"]).endswith(b"event 4\n\n"):
            check(client.hear(), "events by HTTP/2")
        client.close()
        trailers = Http2(n.port).get("/trailers?n=9000", more=[("accept-encoding", coding)])
        check(decoder(coding).decompress(trailers["body"]) == text(9000) and trailers["trailers"] == {"x-sum": "7"}, "trailers")
    # A response that is not whole does not look like one.
    try:
        ask(n, "/abort")
        check(False, "an end in the middle")
    except http.client.IncompleteRead:
        pass
    # Who does not read holds no more than a window.
    slow = http.client.HTTPConnection("127.0.0.1", n.port, timeout=PATIENCE)
    slow.request("GET", "/say?n=3000000&content-type=text/html&parts=1", headers={"Accept-Encoding": "zstd"})
    check(zstandard.ZstdDecompressor().decompressobj().decompress(slow.getresponse().read()) == text(3_000_000), "3 MB")

with node([f"site={artifact}"], "--deadline", "10s") as n:
    coding, _, response = say(n, 5000)
    check(coding is None and response.getheader("Vary") is None, "nobody turned it on")
with node([f"site={artifact}"], "--compress", "--compress-type", "image/*", "--compress-type", "text/html", "--compress-min-size", "4K") as n:
    check([say(n, size, {"content-type": kind})[0] for size, kind in ((5000, "text/html"), (5000, "text/css"), (5000, "image/x"), (4095, "text/html"), (4096, "text/html"))] ==
          ["gzip", None, "gzip", None, "gzip"], "other types and sizes")
# Behind a handler that leaves everything to the app; once, by what leaves the handler.
with node([f"site={handler},{artifact}"], "--compress", "--deadline", "10s", up=False) as n:
    n.wait_log("ready", 1)
    for accept in ("gzip", "zstd"):
        check([say(n, size, accept=accept, **more)[:2] == (accept, text(size)) for size in (5000, 2_000_000) for more in ({}, {"parts": "1"})] == [True] * 4, f"behind a handler: {accept}")
