"""serve.py FOLDER: app.x86_64.aotc, config and secrets are there."""
import os
import sys

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

# What its snapshot has opened has to be there.
with node([app], "--secrets", f"site={folder}/secrets", up=False) as n:
    n.wait_log("its snapshot has opened the config store site, of which there is no value")
