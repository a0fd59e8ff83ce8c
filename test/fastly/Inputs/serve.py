"""serve.py FOLDER: app.x86_64.aotc, config and secrets are there."""
import contextlib
import http.server
import os
import sys
import threading

from harness import check, talk
from node import node

folder = sys.argv[1]


def ask(n, target, method="GET", body=b"", more=""):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    answer = talk(n.port, f"{method} {target} HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n{more}{length}\r\n".encode() + body)
    head, _, rest = answer.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, rest = rest.partition(b"\r\n\r\n")
    fields = head.decode().split("\r\n")
    if "Transfer-Encoding: chunked" in fields:
        whole, size = b"", None
        while rest and size != 0:
            line, _, rest = rest.partition(b"\r\n")
            size = int(line, 16)
            whole, rest = whole + rest[:size], rest[size + 2:]
        check(size == 0, f"{target}: the response is not whole")
        rest = whole
    return int(fields[0].split()[1]), fields[1:], rest


def expect(n, target, wanted, **how):
    status, fields, body = ask(n, target, **how)
    check((status, body.decode()) == (200, wanted), f"{target}: {status} {body}")
    return fields


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""
    protocol_version = "HTTP/1.1"
    barrier = threading.Barrier(5)

    def log_message(self, *args):
        pass

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        whole, size = b"", None
        while size != 0:
            size = int(self.rfile.readline(), 16)
            whole += self.rfile.read(size)
            self.rfile.readline()
        return whole

    def do_GET(self):
        body = self.body()
        status, text = 200, f"{self.command} {self.path} {self.headers['Host']} {self.headers['X-Sent']} {self.headers['Connection']} {len(body)} {body[:20].decode()}\n".encode()
        if self.path.startswith("/wait"):
            self.barrier.wait(30)  # until all are here
        if self.path == "/big":
            text = big
        if self.path == "/empty":
            status, text = 204, b""
        if self.path == "/short":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("X-Origin", "here")
        if self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\none\r\n5\r\n, two\r\n0\r\n\r\n")
            return
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_POST = do_PUT = do_HEAD = do_GET


@contextlib.contextmanager
def origin():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


big = os.urandom(1 << 20).hex().encode()
app = f"site={folder}/app.x86_64.aotc"
values = "--config", f"site={folder}/config", "--secrets", f"site={folder}/secrets"
with node([app], *values, "--workers", "1", "--compare-sample", "1/1", "--country-header", "X-Country", "--trusted-proxies", "127.0.0.1") as n:
    expect(n, "/request?a=%26&b",
           "GET http://example.com/request?a=%26&b HTTP/1.1 example.com from 192.0.2.7\nHost: example.com\nX-A: 1 | 2\nX-Country: DE\nX-Forwarded-Proto: http\n0 bytes, <nil>: \"\"\n",
           more="x-a: 1\r\nX-A: 2\r\nX-Country: DE\r\nX-Forwarded-For: 192.0.2.7\r\n")
    status, _, body = ask(n, "/request", "POST", b"some body")
    check(body.startswith(b"POST http://example.com/request HTTP/1.1") and body.endswith(b'9 bytes, <nil>: "some body"\n'), f"{body}")
    # Behind a proxy that speaks TLS it is told nothing of that but the scheme.
    check(ask(n, "/request", more="X-Forwarded-Proto: https\r\n")[2].startswith(b"GET https://example.com/request HTTP/1.1 example.com from 127.0.0.1\n"), "https")
    for method, body, more in (("POST", big, ""), ("PUT", b"x", "Expect: 100-continue\r\n")):
        check(ask(n, "/echo", method, body, more)[2] == body, f"{method} of {len(body)} bytes")
    answer = talk(n.port, b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Late: 1\r\n\r\n")
    check(answer.endswith(b"\r\n7\r\nabcdefg\r\n0\r\n\r\n"), f"{answer}")
    check(ask(n, "/much?n=60")[2] == b"0123456789abcdef" * 4096 * 60, "more than what may be under way, by a program that has ended by then")
    expect(n, "/append", "before\nafter<nil>", method="POST", body=b"after")
    expect(n, "/none", "")
    status, fields, body = ask(n, "/status?n=418")
    check((status, body) == (418, b"text") and {"X-One: 1", "X-Two: 2", "X-Two: zwei"} <= set(fields) and not any("Content-Length" in one for one in fields), f"{fields}")
    for method, n_, wanted in (("HEAD", 200, b""), ("GET", 204, b""), ("GET", 304, b"")):
        status, _, body = ask(n, f"/status?n={n_}", method)
        check((status, body) == (n_, wanted), f"{method} {n_}: {status} {body}")
    # A length that the program says itself: no more comes, and less is no whole response.
    check("Content-Length: 4" in expect(n, "/length?text=abcd", "abcd"), "by its own word")
    expect(n, "/length?text=abcdef", "abcd")
    check(ask(n, "/length?text=abc")[2] != b"abcd", "less")
    n.wait_log("the program closed the connection before its response was complete")
    status, fields, body = ask(n, "/inject")
    check((status, body) == (200, b"sent\n") and "X-Good: yes" in fields and not any("stolen" in one or "X b" in one for one in fields), f"{fields}")
    expect(n, "/config", '"hello" <nil>\nkey not found true false\nconfig store not found\n<nil>\n"hello" <nil>\n')
    expect(n, "/secrets", '"s3cret" <nil>\nsecret not found\nsecret store not found\nsecret store not found\n<nil>\n"made here" <nil>\n')
    expect(n, "/geo", '"DE" <nil> "" <nil> true\n', more="X-Country: DE\r\n")
    for _ in range(2):
        expect(n, "/log", "1 Fastly error: Inval\n")
    for text in (r"audit :: two\nlines", "second :: instance 1"):
        n.wait_log(text, 1)
    check(ask(n, "/panic")[0] == 502, "a program that gives up")
    n.wait_log("panic: on purpose")
    check(ask(n, "/nothing")[0] == 404, "the next one")
    check(not any("differs" in line["message"] for line in n.lines), "no byte left")

# Backends and KV stores are the broker's.
with origin() as port, node([app], *values, "--deadline", "10s", "--kv", f"{folder}/kv", "--backend", f"site:origin=http://127.0.0.1:{port}", "--backend", "site:nobody=http://127.0.0.1:1",
                            "--workers", "1", "--compare-sample", "1/1") as n:
    expect(n, "/proxy?backend=origin&path=/a%3Fb%3Dc", "GET /a?b=c origin.example yes None 0 \n")
    for how, body, sent in (("client", b"0123456789", 10), ("stream", b"0123456789" * 200_000, 2_000_000), ("text", b"", 9), ("client", big, len(big))):
        first = (body or b"some text")[:20].decode()
        expect(n, f"/proxy?backend=origin&path=/b&body={how}", f"POST /b origin.example yes None {sent} {first}\n", method="POST", body=body)
    for more in ("", "&append=1", "&pass=1"):
        status, fields, body = ask(n, f"/proxy?backend=origin&path=/big{more}")
        check((status, body) == (200, big + b"<nil> " if "append" in more else big) and "X-Origin: here" in fields, f"{more}: {status} {len(body)}")
    expect(n, "/proxy?backend=origin&path=/chunks", "one, two")
    check(ask(n, "/proxy?backend=origin&path=/empty")[0] == 204 and ask(n, "/proxy?backend=origin&path=/x", "HEAD")[::2] == (200, b""), "without a body")
    check(b"Fastly error: HTTPIncomplete" in ask(n, "/proxy?backend=origin&path=/short")[2], "less than was said")
    check(ask(n, "/proxy?backend=elsewhere&path=/")[::2] == (502, b"backend not found\n"), "a backend that nobody has named")
    check(ask(n, "/proxy?backend=nobody&path=/")[::2] == (502, b"poll: Fastly error: send error: connection refused\n"), "one that is not there")
    expect(n, "/parallel", "[" + " ".join(f"GET /wait?n={i} origin.example None None 0 \n <nil>" for i in range(5)) + "]\n")
    expect(n, "/backend", f"127.0.0.1:{port} false false 0 <nil>\n127.0.0.1:1 false false 0 <nil>\nbackend not found\n")

    for do, wanted in (("one get a", "kvstore: key not found"), ("one put a first value", "<nil>"), ("one get a", '"first value" "" true <nil>'), ("two get a", "kvstore: key not found"),
                       ("one put a second", "<nil>"), ("one get a", '"second" "" true <nil>'), ("one delete a", "<nil>"), ("one get a", "kvstore: key not found"), ("one delete a", "<nil>"),
                       ("a/b get c", "kvstore: store not found"), ("one get ../x", "kvstore: invalid key"), ("one put a#b c", "kvstore: invalid key"), ("one size a 131072", "<nil>"),
                       ("one size a 131073", "kvstore: payload too large")):
        expect(n, "/kv?do=" + do.replace(" ", "%20").replace("#", "%23"), wanted + "\n")
    check(len(ask(n, "/kv?do=one%20get%20a")[2]) > 131072, "the largest value")
    n.wait_metric("^aotc_outbound_open", 0)
    check(not any("differs" in line["message"] for line in n.lines), "no byte left")

# Where there is no store, there is none. Who sends many fields gets no further than the deadline, and nobody else notices.
with node([app], *values, "--workers", "1", "--deadline", "1s") as n:
    expect(n, "/kv?do=one%20get%20a", "kvstore: store not found\n")
    signs = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
    check(ask(n, "/none", more="".join(f"{a}{b}:\r\n" for a in signs for b in signs) + "~~:\r\n" * 140_000)[0] == 504, "the deadline")
    expect(n, "/none", "")
    check(n.metric("aotc_restarts_total") == 0, "by the same worker")

# Without a snapshot each request starts the program from the beginning.
with node([f"site={folder}/cold.aotc"], *values, "--deadline", "10s") as n:
    for _ in range(2):
        expect(n, "/log", "1 Fastly error: Inval\n")
    check(ask(n, "/echo", "POST", big)[2] == big, "a body")
