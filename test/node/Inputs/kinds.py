"""kinds.py ARTIFACT NATIVE-PROGRAM

Sends every kind of request to the program as it runs natively, through `aotc run` and through a node, and compares the
answers: interim responses, status, fields but Date and those that frame, body, trailers. What is to differ stands here,
and in README.
"""
import re
import subprocess
import sys

from harness import BIN, check, connect, read_all, serving
from node import node

KINDS = {}


def kind(name, line, *fields, body=b"", host="x", more=()):
    """A request: first line, fields, body; `more` comes after a moment in which the server can answer."""
    head = [line + " HTTP/1.1" if " HTTP/" not in line else line] + [f"Host: {host}"] * (host is not None) + list(fields)
    assert name not in KINDS, name
    KINDS[name] = ["\r\n".join(head + ["", ""]).encode("latin-1") + body, *more]


def length(body):
    return f"Content-Length: {len(body)}"


CHUNKED = "Transfer-Encoding: chunked"
for method in "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PROPFIND LOCK X-OWN get".split():
    kind(f"method {method}", f"{method} /any")
    kind(f"method {method}, a body", f"{method} /any", length(b"text"), body=b"text")
for name, target in {
    "a query": "/a?b=c&d=e%20f&g", "a question mark": "/a?", "two of them": "/a?b?c", "escapes": "/a%2Fb/%E6%97%A5", "an escaped zero": "/a%00b",
    "a bad escape": "/a%zz", "two slashes": "//a//b", "dots": "/a/../b/./c", "a trailing slash": "/a/", "a fragment": "/a#b", "a plus": "/a+b?c+d",
    "semicolons": "/a;b?c;d", "brackets": "/a[1]?b[]=2", "UTF-8": "/\u00c3\u00a9", "an asterisk": "*", "a URL": "http://other.example/a?b",
    "a long one": "/" + "a" * 7000, "a pipe": "/a|b", "quotes": "/a\"b'c", "braces": "/{a}", "a backslash": "/a\\b", "a colon": "/a:b", "an at": "/@a",
}.items():
    kind(f"a target with {name}", f"GET {target}")
for name, fields in {
    "cookies": ["Cookie: a=1; b=\"2\"; c", "Cookie: d=4"], "authorization": ["Authorization: Basic dXNlcjpwYXNz"], "bad authorization": ["Authorization: Basic !"],
    "twice the same": ["X-A: 1", "x-a: 2", "X-A: 3"], "an empty one": ["X-A:"], "white space": ["X-A: \t b \t "], "a tab inside": ["X-A: b\tc"],
    "bytes": ["X-A: Gr\u00fc\u00dfe"], "odd names": ["X_a: 1", "x.b: 2", "X!c: 3", "1d: 4"], "a long one": ["X-A: " + "b" * 20000], "many": [f"X-{i}: {i}" for i in range(300)],
    "accept": ["Accept: text/html;q=0.9, */*", "Accept-Language: de, en;q=0.5"], "a referer": ["Referer: http://a/b"], "an agent": ["User-Agent: me/1.0"],
    "cache": ["Cache-Control: no-cache", "Pragma: no-cache"], "a via": ["Via: 1.1 somebody"], "a warning": ["Warning: 199 - \"x\""], "an origin": ["Origin: null"],
    "range": ["Range: bytes=0-1"], "a priority": ["Priority: u=1"], "from": ["From: a@b.example"], "no space": ["X-A:b"],
}.items():
    kind(f"fields: {name}", "GET /any", *fields)
kind("two hosts", "GET /any", "Host: y")
kind("no host", "GET /any", host=None)
kind("an empty host", "GET /any", host="")
kind("a host with a port", "GET /any", host="a.example:8080")
kind("the host's handler", "GET /any", host="host.example")
kind("an IPv6 host", "GET /any", host="[::1]:80")
kind("a bad host", "GET /any", host="a b")
kind("HTTP/1.0", "GET /any HTTP/1.0", host=None)
kind("HTTP/1.0, a body", "POST /any HTTP/1.0", length(b"old"), body=b"old")
kind("HTTP/1.0, kept alive", "GET /any HTTP/1.0", "Connection: keep-alive")
kind("HTTP/2.0", "GET /any HTTP/2.0")
kind("HTTP/1.2", "GET /any HTTP/1.2")
kind("no version", "GET /any HTTP/")
# Bodies.
kind("chunks", "POST /any", CHUNKED, body=b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
kind("no chunks", "POST /any", CHUNKED, body=b"0\r\n\r\n")
kind("chunks with extensions", "POST /any", CHUNKED, body=b"2;a=b\r\nab\r\n0;c\r\n\r\n")
kind("large digits of a chunk", "POST /any", CHUNKED, body=b"00A\r\n0123456789\r\n0\r\n\r\n")
kind("chunks with trailers", "POST /any", CHUNKED, "Trailer: X-A", body=b"2\r\nab\r\n0\r\nX-A: 1\r\n\r\n")
kind("a bad chunk", "POST /half", CHUNKED, body=b"zz\r\nab\r\n")
kind("a length that is none", "POST /any", "Content-Length: x")
kind("a negative length", "POST /any", "Content-Length: -1")
kind("a length with a plus", "POST /any", "Content-Length: +1", body=b"a")
kind("the same length twice", "POST /any", "Content-Length: 1", "Content-Length: 1", body=b"a")
kind("two lengths", "POST /any", "Content-Length: 1", "Content-Length: 2", body=b"ab")
kind("an unknown coding", "POST /any", "Transfer-Encoding: gzip", body=b"x")
kind("a coding twice", "POST /any", "Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n")
kind("a large body", "POST /any", length(b"x" * 300000), body=b"x" * 300000)
kind("a body that is read in part", "POST /half", length(b"123456"), body=b"123456")
kind("a body that nobody reads", "POST /refuse", length(b"y" * 100000), body=b"y" * 100000)
kind("an expectation", "POST /half", "Expect: 100-continue", length(b"late"), more=[b"late"])
kind("an expectation, refused", "POST /refuse", "Expect: 100-continue", length(b"late"))
kind("an expectation without a body", "GET /any", "Expect: 100-continue")
kind("an expectation of another kind", "POST /any", "Expect: a-pony", length(b"x"), body=b"x")
# Forms and JSON.
URLENCODED, PARTS = "Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/form-data; boundary=b"
for name, body in {"a form": b"a=1&b=2&a=3", "an empty form": b"", "a form with escapes": b"a=%20+&%C3%A9=x", "a bad form": b"a=%z", "a form with semicolons": b"a=1;b=2"}.items():
    kind(name, "POST /form?q=0", URLENCODED, length(body), body=body)
PART = b"--b\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n"
for name, body in {
    "parts": PART % (b"a", b"", b"1") + PART % (b"f", b"; filename=\"x.txt\"\r\nContent-Type: text/plain", b"some\ntext") + b"--b--\r\n",
    "two files": PART % (b"f", b"; filename=\"x\"", b"1") + PART % (b"f", b"; filename=\"y\"", b"2") + b"--b--\r\n",
    "parts that end early": PART % (b"a", b"", b"1"), "no parts": b"--b--\r\n", "a part without a name": b"--b\r\n\r\nx\r\n--b--\r\n",
}.items():
    kind(name, "POST /form", PARTS, length(body), body=body)
kind("parts without a boundary", "POST /form", "Content-Type: multipart/form-data", length(b"x"), body=b"x")
for name, body in {"JSON": b'{"a": [1, 2.5, "\\u00e9", null]}', "bad JSON": b"{", "large JSON": b'"' + b"a" * 2000 + b'"'}.items():
    kind(name, "POST /json", "Content-Type: application/json", length(body), body=body)
# Responses.
for code in (200, 201, 202, 204, 205, 206, 226, 299, 300, 304, 400, 402, 404, 405, 410, 418, 422, 429, 451, 499, 500, 502, 503, 511, 599, 700):
    kind(f"status {code}", f"GET /status?code={code}&text=said")
kind("status 204, a body", "HEAD /status?code=204&text=x")
for code, to in ((301, "/a"), (302, "b"), (303, "http://a.example/"), (307, "/a?b=c"), (308, "//c"), (302, "/%C3%A9")):
    kind(f"redirect {code} {to}", f"GET /redirect?code={code}&to={to.replace('%', '%25').replace('?', '%3F').replace('=', '%3D')}")
kind("a redirect of a POST", "POST /redirect?code=303&to=/a", length(b"x"), body=b"x")
kind("cookies set", "GET /cookies")
for name, fields in {
    "whole": [], "a range": ["Range: bytes=10-19"], "an open range": ["Range: bytes=990-"], "the end": ["Range: bytes=-5"], "two ranges": ["Range: bytes=0-1,5-6"],
    "a range beyond": ["Range: bytes=5000-"], "a bad range": ["Range: bytes=a-b"], "no match": ['If-None-Match: "v1"'], "another": ['If-None-Match: "v2"'],
    "a match": ['If-Match: "v2"'], "not modified": ["If-Modified-Since: Wed, 15 Nov 2023 00:00:00 GMT"], "modified": ["If-Modified-Since: Wed, 15 Nov 2000 00:00:00 GMT"],
    "an if-range": ["Range: bytes=0-1", 'If-Range: "v1"'],
}.items():
    kind(f"content: {name}", "GET /content", *fields)
    kind(f"content, its head: {name}", "HEAD /content", *fields)
for target in ("/files/a.txt", "/files/b.css", "/files/", "/files/folder/", "/files/folder", "/files/nothing", "/files/../any", "/files"):
    kind(f"file {target}", f"GET {target}")
for sniffed in ("png", "html", "json", "zeros", "pdf", "none"):
    kind(f"sniffed {sniffed}", f"GET /sniff?kind={sniffed}")
kind("compressed", "GET /gzip", "Accept-Encoding: gzip, br")
kind("not compressed", "GET /gzip")
kind("events", "GET /events")
kind("events to HTTP/1.0", "GET /events HTTP/1.0")
for connection in ("", "close", "X-Many"):
    kind(f"fields of a response, connection {connection}", f"GET /fields?connection={connection}")
for says, writes in ((10, 10), (10, 5), (5, 10), (0, 0), (0, 3), (70000, 70000)):
    kind(f"length {says}, {writes} written", f"GET /length?says={says}&writes={writes}")
kind("a status twice", "GET /twice")
kind("interim responses", "GET /interim")
kind("trailers", "GET /trailers")
kind("trailers of a HEAD", "HEAD /trailers")
kind("in time", "GET /slow?ms=0&limit=60000")
kind("not in time", "GET /slow?ms=60000&limit=20")
kind("a context that ends", "GET /context")
kind("a panic", "GET /panic")
kind("a recovered panic", "GET /recovered")
kind("a hijacked connection", "GET /hijack")
kind("a dumped request", "POST /dump", length(b"body"), body=b"body")
for line in ("GET /item/1", "GET /item/a%2Fb", "HEAD /item/1", "POST /item/1", "POST /item/1/b/c", "DELETE /item/1", "GET /item/", "POST /item//x"):
    kind(f"routed {line}", line)
kind("a reverse proxy", "GET /proxy/deeper?a=b")
kind("a server inside", "GET /inside")
# Connections.
kind("an upgrade to h2c", "GET /any", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
kind("what is nearly a preface of HTTP/2", "PRI * HTTP/2.0", host=None, body=b"XX\r\n\r\n")
kind("no request", "hello", host=None)
kind("an empty line first", "\r\nGET /any")
kind("a lone CR", "GET /any\r")
kind("a folded field", "GET /any", "X-A: b\r\n c")
kind("a space before a colon", "GET /any", "X-A : b")
kind("a field without a colon", "GET /any", "X-A")
kind("a zero byte", "GET /any", "X-A: b\0c")
kind("two requests at once", "GET /any?1", body=b"GET /any?2 HTTP/1.1\r\nHost: x\r\n\r\n")
kind("a request behind a body", "POST /any?1", length(b"ab"), body=b"abGET /any?2 HTTP/1.1\r\nHost: x\r\n\r\n")

# What a node answers itself, since it takes no request that can be read in two ways, or that it cannot pass on.
REFUSED = {
    **dict.fromkeys(["a target with an asterisk", "two hosts", "no host", "a bad host", "no version", "a length that is none", "a negative length",
                     "a length with a plus", "two lengths", "no request", "an empty line first", "a lone CR", "a folded field", "a space before a colon",
                     "a field without a colon", "a zero byte", "a bad chunk"], 400),
    "an expectation of another kind": 417, "an unknown coding": 501, "a coding twice": 501, "HTTP/2.0": 505, "HTTP/1.2": 505, "what is nearly a preface of HTTP/2": 505,
}
# What a program is shown otherwise: HTTP/1.1 whatever its client speaks, a path where a URL was asked for, no field that is meant for the node,
# or, of its own fields, for the next hop.
AS_1_1 = [(b"HTTP/1.0", b"HTTP/1.1"), (b"close true", b"close false"), (b'"Connection" ["keep-alive"]\n', b"")]
SHOWN = {
    "HTTP/1.0": AS_1_1, "HTTP/1.0, a body": AS_1_1, "HTTP/1.0, kept alive": AS_1_1,
    "a target with a URL": [(b'"http://other.example/a?b"', b'"/a?b"')],
    "an upgrade to h2c": [(b'"Connection" ["Upgrade, HTTP2-Settings"]\n', b""), (b'"Http2-Settings" ["AAMAAABkAAQAAP__"]\n', b""), (b'"Upgrade" ["h2c"]\n', b"")],
}
# A program that closes without an answer; natively the client sees just that.
FAILED = {"a panic": 502}
# Where a native server would close a connection a node may keep it: it is the node's. Not where nobody can know what the client sends next.
CLOSED = {"an expectation, refused"}


def expected_of_node(name, native, served):
    """What a node is to answer."""
    if name in REFUSED:
        return [("final", REFUSED[name], OURS)]
    if name in FAILED:
        return [("final", FAILED[name], b"the app failed\n"), LAST]
    for old, new in SHOWN.get(name, ()):
        native = [(*r[:3], r[3].replace(old, new), r[4]) for r in native]
    if name == "fields of a response, connection X-Many":
        native = [(*r[:2], [f for f in r[2] if not f.startswith(b"X-Many")], *r[3:]) for r in native]
    if name not in CLOSED and native[-1] != LAST and served[-1:] == [LAST]:
        native = native + [LAST]
    return native


def answer(port, pieces):
    """What comes back until the server closes, or has answered whatever it will."""
    with connect(port) as connection:
        # The last request of a connection says so itself: whoever closes is done.
        last = b"GET /status?code=299 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        try:
            connection.sendall(pieces[0] if len(pieces) > 1 else pieces[0] + last)
            if len(pieces) > 1:
                first = connection.recv(65536)
                connection.sendall(pieces[1] + last)
                return first + read_all(connection)
        except ConnectionError:
            pass
        return read_all(connection)


OURS = b"the request cannot be understood, or exceeds a limit\n"
LAST = ("final", b"HTTP/1.1 299 status code 299", [b"X-Kind: status"], b"", [b""])
FRAMING = re.compile(rb"(?i)^(date|connection|keep-alive|content-length|transfer-encoding):")


def dechunk(data):
    """(body, trailers, what follows) of a body in chunks; what is cut off stays as it is."""
    body = b""
    while True:
        size, end, rest = data.partition(b"\r\n")
        if not end or not re.fullmatch(rb"[0-9a-fA-F]+", size):
            return body, b"cut off", b""
        n = int(size, 16)
        if n == 0:
            trailers, _, rest = (b"\r\n" + rest).partition(b"\r\n\r\n")
            return body, trailers, rest
        body, data = body + rest[:n], rest[n + 2:]


def responses(data, head_first):
    """Each response: status line, fields, body, trailers."""
    out = []
    data = re.sub(rb"\b[0-9a-f]{60}\b", b"BOUNDARY".ljust(60, b"_"), data)  # a random number; as long, since that is counted
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        if not end:
            out.append(("rest", head[:200]))
            break
        lines = head.split(b"\r\n")
        fields = sorted(line for line in lines[1:] if not FRAMING.match(line))
        status = int(lines[0].split(b" ")[1]) if lines[0].startswith(b"HTTP/1.") else 0
        framing = {line.split(b":")[0].lower(): line.split(b":", 1)[1].strip().lower() for line in lines[1:] if FRAMING.match(line)}
        body, trailers = b"", b""
        bodiless = status < 200 or status in (204, 304) or (head_first and not any(o[0] != "interim" for o in out))
        if bodiless:
            pass
        elif framing.get(b"transfer-encoding") == b"chunked":
            body, trailers, data = dechunk(data)
        elif b"content-length" in framing:
            n = int(framing[b"content-length"])
            body, data = data[:n], data[n:]
            trailers = b"cut off" if len(body) < n else b""
        else:
            body, data = data, b""
        line = lines[0].replace(b"HTTP/1.0", b"HTTP/1.1")
        out.append(("interim" if status < 200 else "final", line, fields, body, sorted(trailers.split(b"\r\n"))))
    return out


def main():
    artifact, native = sys.argv[1:]
    run = [f"{BIN}/aotc", "run", artifact, "--tcplisten", "127.0.0.1:PORT"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    wrong = []
    with serving([native, "-listen", "127.0.0.1:PORT"], **quiet) as (_, native_port), serving(run, **quiet) as (_, run_port), \
            node([f"site={artifact}"], "--deadline", "20s") as n:
        for name, pieces in KINDS.items():
            head_first = pieces[0].startswith(b"HEAD")
            expected, ran, served = (responses(answer(port, pieces), head_first) for port in (native_port, run_port, n.port))
            if ran != expected:
                wrong.append(f"aotc run, {name}:\n  natively {str(expected)[:1500]}\n  here     {str(ran)[:1500]}")
            if name in REFUSED or name in FAILED:
                served = [r if r == LAST else (r[0], int(r[1].split()[1]), r[3]) for r in served]
            expected = expected_of_node(name, expected, served)
            if served != expected:
                wrong.append(f"aotc-node, {name}:\n  natively {str(expected)[:1500]}\n  here     {str(served)[:1500]}")
    print(f"{len(KINDS)} kinds of requests")
    check(not wrong, "\n".join(wrong))


main()
