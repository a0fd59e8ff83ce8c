"""outbound.py FOLDER ARTIFACT NATIVE

The program asks a server that runs natively, nginx by TLS and HTTP/2, and Redis; through a node and natively, and is told the same."""
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
from urllib.parse import quote

from harness import AOTC, Authority, check, serving, talk, until
from node import get, node
from remotes import ask_redis, redis, webdav

folder, artifact, native = sys.argv[1:]
subprocess.run(["rm", "-rf", folder], check=True)
os.makedirs(f"{folder}/nginx/files")
with open(f"{folder}/nginx/files/page", "wb") as file:
    file.write(b"a page of nginx\n" * 20000)


def request(method, target, body=b"", more=""):
    framing = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}{framing}\r\n".encode() + body


def plain(answer):
    """Without what says when it was said and how it was framed."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"chunked" in head:
        whole, size = b"", None
        while body and size != 0:
            line, _, body = body.partition(b"\r\n")
            size = int(line, 16)
            whole, body = whole + body[:size], body[size + 2 * (size > 0):]
        body = whole + b"|" + body
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"date:", b"connection:"))]
    return sorted(lines), body


def asks(url, method="GET", timeout=""):
    return f"/ask?method={method}&url={quote(url, safe='')}" + (f"&timeout={timeout}" if timeout else "")


def kinds(to, redis_port, closed, closed_tcp):
    """Name, request to the program. `to` is the server that it is to ask; at the last two ports nobody listens."""
    some, much = b"some text", os.urandom(1 << 19).hex().encode()
    yield from {f"{method} {path}": request(method, asks(to + path, method)) for method in ("GET", "HEAD", "DELETE", "OPTIONS")
                for path in ("/echo?a=b&c", "/status/404", "/bytes/70000", "/chunks/3", "/gzip")}.items()
    yield from {f"{method} a body of {len(body)}": request(method, asks(to + "/echo", method), body) for method in ("POST", "PUT", "PATCH", "REPORT")
                for body in (b"", some, much)}.items()
    yield from {f"status {status}": request("GET", asks(f"{to}/status/{status}")) for status in (200, 201, 204, 206, 304, 401, 500, 503)}.items()
    yield "fields", request("GET", asks(to + "/echo"), more="X-Out-A: 1\r\nX-Out-B: two words\r\nX-Out-Empty:\r\nX-Out-A: 3\r\n")
    yield "three megabytes", request("GET", asks(to + "/bytes/3000000"))
    yield "many chunks", request("GET", asks(to + "/chunks/500"))
    yield "a redirect", request("GET", asks(to + "/redirect?to=/echo"))
    yield "a redirect to where nobody listens", request("GET", asks(f"{to}/redirect?to=http://127.0.0.1:{closed}/"))
    yield "nobody listens", request("GET", asks(f"http://127.0.0.1:{closed}/"))
    yield "too slow", request("GET", asks(to + "/slow", timeout="200ms"))
    yield "cut off", request("GET", asks(to + "/abort"))
    proxied = f"X-To: {to}\r\n"
    yield from {f"proxy {method} {path}": request(method, "/proxy" + path, more=proxied) for method in ("GET", "HEAD")
                for path in ("/echo?a=b&c", "/status/404", "/status/304", "/bytes/300000", "/chunks/3", "/gzip", "/redirect?to=/echo")}.items()
    yield "proxy a body", request("POST", "/proxy/echo", much, more=proxied)
    yield "proxy to where nobody listens", request("GET", "/proxy/", more=f"X-To: http://127.0.0.1:{closed}\r\n")
    yield "tcp refused", request("GET", f"/tcp?to=127.0.0.1:{closed_tcp}")
    yield "tcp by name", request("POST", f"/tcp?to=localhost:{redis_port}", b"PING\r\nQUIT\r\n")
    yield "tcp much", request("POST", f"/tcp?to=127.0.0.1:{redis_port}", b"ECHO " + b"x" * 60000 + b"\r\nQUIT\r\n")
    yield "tcp more", request("POST", f"/tcp?open=1&to=127.0.0.1:{redis_port}", b"".join(b"GET large\r\n" for _ in range(40)) + b"QUIT\r\n")
    yield "tcp until a deadline", request("GET", f"/tcp?to=127.0.0.1:{redis_port}&deadline=150ms")
    yield "words to a database", request("GET", f"/words?to=127.0.0.1:{redis_port}&word=SET%20a%201&word=INCR%20a&word=GET%20none&word=DEL%20a")
    yield "lookup of an address", request("GET", "/lookup?name=192.0.2.1")


def check_same(port, native_port, origin, *ports):
    count = 0
    for name, words in kinds(f"http://127.0.0.1:{origin}", *ports):
        expected, served = plain(talk(native_port, words)), plain(talk(port, words))
        check(served == expected, f"{name}:\n  natively {str(expected)[:1200]}\n  here     {str(served)[:1200]}")
        count += 1
    return count


def check_tls(n, nginx_port):
    """The host speaks TLS and HTTP/2, over a connection that the next instance uses, too."""
    connections = set()
    for _ in range(3):
        status, answer = get(n.port, asks(f"https://localhost:{nginx_port}/page"))
        digest = hashlib.sha256(b"a page of nginx\n" * 20000).hexdigest()
        check(status == 200 and answer.startswith(b"200 OK") and digest.encode() in answer, answer)
        connections.add(re.search(rb"X-Connection\[(\d+)\]", answer).group(1))
    with open(f"{folder}/nginx/log") as file:
        check(file.read() == "GET 200 HTTP/2.0\n" * 3, "HTTP/2")
    check(len(connections) == 1, f"{connections} connections")
    # Its name is checked.
    check(b"error:" in get(n.port, asks(f"https://127.0.0.1:{nginx_port}/page"))[1], "a certificate of another name")
    n.wait_log("SSL: no alternative certificate subject name matches")
    check(b"403 " in get(n.port, asks(f"https://localhost:{nginx_port}/page", "DELETE"))[1], "a method that is not allowed")


def check_not_allowed(n):
    for target, why in [(asks("http://127.0.0.1:9/"), "not allowed"), (asks("http://169.254.169.254/latest"), "not allowed"),
                        (asks("https://example.com/"), "dns, not found: false"), ("/tcp?to=10.0.0.1:5432", "not allowed"),
                        ("/tcp?to=[::1]:22", "not allowed"), ("/tcp?to=[::ffff:10.0.0.1]:22", "not allowed"),
                        ("/lookup?name=db.example", "dns, not found: false")]:
        answer = get(n.port, target)[1].decode()
        check(why in answer, f"{target}: {answer}")
    line = n.wait_log("outbound: refused, it is not on the allow-list (--allow)")
    check(line["app"] == "site" and line["target"] == "tcp://127.0.0.1:9" and line["level"] == "warn", line)


with serving([native, "-listen", "127.0.0.1:PORT"], stderr=subprocess.DEVNULL) as (_, origin), serving([native, "-listen", "127.0.0.1:PORT"]) as (_, native_port), \
        redis(folder) as redis_port:
    ask_redis(redis_port, "set", "large", "y" * 50000)
    authority = Authority(folder)
    with webdav(folder, authority.issue("server", "DNS:localhost"), "add_header X-Connection $connection;") as nginx_port, \
            socket.socket() as unheard, socket.socket() as unheard_tcp:
        unheard.bind(("127.0.0.1", 0))
        unheard_tcp.bind(("127.0.0.1", 0))
        closed, closed_tcp = unheard.getsockname()[1], unheard_tcp.getsockname()[1]
        os.environ["SSL_CERT_FILE"] = authority.file
        allowed = [f"tcp://127.0.0.1:{redis_port}", f"tcp://localhost:{redis_port}", f"http://127.0.0.1:{origin}", f"http://127.0.0.1:{closed}", f"tcp://127.0.0.1:{closed_tcp}",
                   f"https://localhost:{nginx_port},GET,HEAD", f"https://127.0.0.1:{nginx_port}"]
        with node([f"site={artifact}"], "--deadline", "20s", "--compare-sample", "1/1", *[word for rule in allowed for word in ("--allow", f"site={rule}")]) as n:
            count = check_same(n.port, native_port, origin, redis_port, closed, closed_tcp)
            check(count >= 60, count)
            check_tls(n, nginx_port)
            check_not_allowed(n)
            made, refused, failed = (n.metric(f'^aotc_outbound_connections_total{{app="site",result="{result}"') for result in ("made", "refused", "failed"))
            check(made > 50 and refused >= 6 and failed > 0, f"connections are counted: {made} {refused} {failed}")
            check(all(n.metric(f'^aotc_outbound_bytes_total{{app="site",direction="{direction}"') > 60_000 for direction in ("sent", "received")), "bytes are")
            n.wait_metric("^aotc_outbound_open", 0)
            # Whoever has channels goes with the broker, and comes back with another one.
            os.kill(n.broker(), signal.SIGKILL)
            n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) >= 2, "ready again")
            check(b"200 OK" in get(n.port, asks(f"http://127.0.0.1:{origin}/echo"))[1], "after the broker's end")
        # And `aotc run`.
        run = [AOTC, "run", artifact, "--tcplisten", "127.0.0.1:PORT", *[word for rule in allowed for word in ("--allow", rule)]]
        with serving(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as (process, port):
            check_same(port, native_port, origin, redis_port, closed, closed_tcp)
            check(b"error: not allowed" in get(port, asks("http://127.0.0.1:9/"))[1], "aotc run")
            refused = "aotc: tcp://127.0.0.1:9: outbound: refused, it is not on the allow-list (--allow)\n"
            check(refused in iter(process.stderr.readline, ""), "aotc run says so")
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
                broker = int(file.read())
        until(lambda: not os.path.exists(f"/proc/{broker}"), "its broker ends with it")
        # Without an allow-list there is nothing.
        with node([f"site={artifact}"]) as n:
            check(b"error: unreachable" in get(n.port, asks(f"http://127.0.0.1:{origin}/"))[1], "no allow-list")
            check(b"error: unreachable" in get(n.port, f"/tcp?to=localhost:{redis_port}")[1], "no allow-list")
        print(f"{count} kinds of requests")
