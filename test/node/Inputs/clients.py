"""clients.py ARTIFACT NATIVE-PROGRAM GO-CLIENT

Runs every exchange against both servers and compares what came back: status, fields (but Date and how the body is framed)
and body. curl is the client for whole requests, a socket for what curl does not do.
"""
import os
import re
import socket
import subprocess
import sys
import tempfile

from harness import PATIENCE, check, connect, read_all, serving, talk
from node import node

BIG = tempfile.NamedTemporaryFile()
BIG.write(os.urandom(1 << 20) * 20)
BIG.flush()

CURL = [
    ["/hello?x=1"],
    ["/headers", "-H", "X-B: 1", "-H", "X-A: two words", "-H", "Cookie: a=b"],
    ["/headers", "-A", "agent"],
    ["-I", "/hello"],
    ["-I", "/big?n=100000&length"],
    ["/big?n=10&length"],
    ["/big?n=5000000"],
    ["/big?n=20000000&length"],
    ["/parts?n=20"],
    ["/empty"],
    ["/redirect"],
    ["/abort"],
    ["/abort?n=100"],
    ["/abort?n=10000"],
    ["/abort?n=10000&length"],
    ["/abort?n=5000000", "--limit-rate", "50M"],
    ["--http1.0", "/abort?n=10000"],
    ["/nowhere"],
    ["-d", "a=1&b=2", "/echo"],
    ["-H", "Transfer-Encoding: chunked", "-d", "some text", "/echo"],
    ["-T", BIG.name, "/digest"],
    ["-T", BIG.name, "-H", "Transfer-Encoding: chunked", "/digest"],
    ["-T", BIG.name, "/echo"],
    ["-H", "Expect: 100-continue", "-d", "expected", "/echo"],
    ["-X", "DELETE", "/hello"],
    ["-X", "OPTIONS", "/hello"],
    ["--http2", "/hello"],
    ["--http2", "-d", "a=1&b=2", "/echo"],
    ["--http1.0", "/hello"],
    ["--http1.0", "/parts?n=3"],
    ["--http1.0", "-d", "old", "/digest"],
    ["-H", "Host: other.example", "/headers"],
]


def curl(port, words):
    words = [f"http://127.0.0.1:{port}{word}" if word.startswith("/") and not os.path.exists(word) else word for word in words]
    run = subprocess.run(["curl", "-s", "-i", "--max-time", str(PATIENCE)] + words, capture_output=True)
    return run.returncode, run.stdout


def normal(answer, port):
    """Responses without interim ones, Date and framing; the port is the only thing that may differ in text."""
    code, data = answer
    head, _, body = data.partition(b"\r\n\r\n")
    while re.match(rb"HTTP/[0-9.]+ 100", head):
        head, _, body = body.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    fields = sorted(re.sub(rb"^[^:]*", lambda name: name[0].lower(), line) for line in lines[1:]
                    if not re.match(rb"(?i)(date|connection|transfer-encoding|content-length|keep-alive):", line))
    status = lines[0].split(b" ")[1:2]
    # A program behind a node is told where a request comes from.
    body = re.sub(rb"(?m)^(Forwarded|X-Forwarded-For|X-Forwarded-Proto): .*\n", b"", body)
    return code, status, fields, body.replace(str(port).encode(), b"PORT")


def one(port, request):
    return talk(port, request.replace("\n", "\r\n").encode())


def raw_cases(port):
    # Two requests on one connection, one after the other, and sent together.
    keep, last = "GET /hello?{} HTTP/1.1\nHost: x\n\n", "GET /hello?{} HTTP/1.1\nHost: x\nConnection: close\n\n"
    yield "pipelined", one(port, keep.format(1) + keep.format(2) + last.format(3)).count(b"hello GET")
    with connect(port) as c:
        for i in range(3):
            c.sendall(keep.format(i).replace("\n", "\r\n").encode())
            data = b""
            while not data.endswith(b"?%d\n" % i):
                data += c.recv(65536)
        yield "kept alive", data.partition(b"\r\n\r\n")[2]
    # A body that is sent after the response to its Expect; a refusal that comes before the body.
    with connect(port) as c:
        c.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n")
        interim = c.recv(65536)
        c.sendall(b"abc")
        yield "interim", (interim.split(b"\r\n")[0], read_all(c).endswith(b"abc"))
    with connect(port) as c:
        c.sendall(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 500000)
        yield "early", read_all(c).split(b"\r\n")[0]
    # Whoever asks first, and is refused, sends nothing.
    expecting = "POST {} HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 10000000\n\n"
    yield "refused before the body", one(port, expecting.format("/early")).split(b"\r\n")[0]
    # Interim responses, and what comes behind a body, both ways.
    hints = one(port, "GET /hints HTTP/1.1\nHost: x\nConnection: close\n\n")
    yield "interim responses", [line for line in hints.split(b"\r\n") if line[:4] in (b"HTTP", b"Link")]
    up = "POST /trailers HTTP/1.1\nHost: x\nConnection: close\nTrailer: X-Up\nTransfer-Encoding: chunked\n\n2\nab\n0\nX-Up: 7\nX-Not: 8\n\n"
    yield "trailers", (b"\r\nTrailer: X-Sum\r\n" in one(port, up), sorted(one(port, up).partition(b"\r\n0\r\n")[2].split(b"\r\n")))
    # A client that has sent all it will still gets its response.
    with connect(port) as c:
        c.sendall(b"GET /sleep?ms=20 HTTP/1.1\r\nHost: x\r\n\r\n")
        c.shutdown(socket.SHUT_WR)
        yield "half closed", b"slept" in read_all(c)
    # Headers of every size up to Go's own limit, and above it.
    for size in (30000, 70000, 300000, 1000000, 1060000):
        field = "GET /headers HTTP/1.1\nHost: x\nConnection: close\nX-Long: " + "y" * size + "\n\n"
        answer = one(port, field)
        yield f"{size} bytes of header", (answer.split(b" ")[1], answer.count(b"y") >= size)
    yield "a space in the target", one(port, "GET /head ers HTTP/1.1\nHost: x\n\n").split(b" ")[1]
    # Byte by byte, chunks with extensions, trailers.
    with connect(port) as c:
        for byte in b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n":
            c.sendall(bytes([byte]))
        yield "byte by byte", read_all(c).partition(b"\r\n\r\n")[2].replace(b"\r\n", b"").replace(b"5abcde0", b"abcde")
    for name, request in {
        "no host": "GET / HTTP/1.1\n\n",
        "two hosts": "GET / HTTP/1.1\nHost: a\nHost: b\n\n",
        "length twice": "POST / HTTP/1.1\nHost: x\nContent-Length: 1\nContent-Length: 2\n\nab",
        "bad field": "GET / HTTP/1.1\nHost: x\nBad Name: y\n\n",
        "no http": "hello\n\n",
    }.items():
        yield name, one(port, request).split(b" ")[1]


with serving([sys.argv[2], "-listen", "127.0.0.1:PORT"], stdout=subprocess.DEVNULL) as (_, native_port):
    with node([f"site={sys.argv[1]}"], "--deadline", "20s") as n:
        for words in CURL:
            expected, seen = (normal(curl(port, words), port) for port in (native_port, n.port))
            check(expected == seen, f"curl {words}: natively {str(expected)[:600]}, here {str(seen)[:600]}")
        # The same of those who begin with HTTP/2. How a response is cut off they tell otherwise.
        for words in CURL:
            if "--http1.0" in words or "/abort" in words[0]:
                continue
            expected, seen = normal(curl(native_port, words), native_port), normal(curl(n.port, ["--http2-prior-knowledge", *words]), n.port)
            check(expected == seen, f"curl by HTTP/2 {words}: natively {str(expected)[:600]}, here {str(seen)[:600]}")
        code, answer = curl(n.port, ["--http2-prior-knowledge", "/abort?n=100000"])
        check(code == 92 and answer.startswith(b"HTTP/2 200 "), f"a response that is cut off: {code}, {answer[:100]}")
        for (name, expected), (_, seen) in zip(raw_cases(native_port), raw_cases(n.port)):
            check(expected == seen, f"{name}: natively {expected}, here {seen}")
        expected, seen = (subprocess.run([sys.argv[3], f"127.0.0.1:{port}"], capture_output=True, timeout=PATIENCE).stdout
                          for port in (native_port, n.port))
        check(b"cancelled context canceled" in seen and expected == seen, f"Go's client: natively {expected}, here {seen}")
        by_http2 = subprocess.run([sys.argv[3], f"127.0.0.1:{n.port}", "http2"], capture_output=True, timeout=PATIENCE)
        check(by_http2.stdout == expected, f"Go's client by HTTP/2: natively {expected}, here {by_http2}")
        # What Go would let through or answer otherwise, and a proxy must not.
        check(one(n.port, "GET /hints HTTP/1.0\n\n").split(b" ")[1] == b"200", "interim responses to HTTP/1.0")
        both = "POST /echo HTTP/1.1\nHost: x\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\nGET /hello HTTP/1.1\nHost: x\n\n"
        check(one(n.port, both).split(b" ")[1] == b"400", "both framings at once")
        check(talk(n.port, b"GET /hello HTTP/1.1\nHost: x\n\n").split(b" ")[1] == b"400", "LF alone")
        chunk = "POST /echo HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nzz\nabc"
        check(one(n.port, chunk).split(b" ")[1] == b"400", "a chunk without a size")
        upgrade = "GET / HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\n\n"
        check(one(n.port, upgrade).split(b" ")[1] == b"404", "an offer of a WebSocket is for the program")
        hop = "GET /headers HTTP/1.1\nHost: x\nConnection: close, X-Hop\nX-Hop: 1\nX-Stays: 2\n\n"
        check(b"X-Stays" in one(n.port, hop) and b"X-Hop" not in one(n.port, hop), "fields for the next hop only")
        # A client that leaves in the middle of a large response costs its instance, and nobody else anything.
        with connect(n.port) as c:
            c.sendall(b"GET /big?n=50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            c.recv(1000)
        n.wait_metric("aotc_instances", 0)
        check(curl(n.port, ["/hello"])[0] == 0, "the next request")
