"""chain.py FOLDER: with app.aotc, guest.aotc, auth.aotc and pass.aotc."""
import contextlib
import hashlib
import os
import re
import socket
import sys
import threading

from harness import check, connect, read_all, talk, until
from node import node

folder = sys.argv[1]
app, guest, auth, passes = (f"{folder}/{name}.aotc" for name in ("app", "guest", "auth", "pass"))


def request(method, target, body=None, more="", host="x", framing=None):
    if framing is None:
        framing = f"Content-Length: {len(body)}\r\n" if body is not None else ""
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}{framing}\r\n".encode() + (body or b"")


def chunked(*pieces, trailers=""):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + f"0\r\n{trailers}\r\n".encode()


def parts(answer):
    """Status, fields in lower case by name, body without chunks, trailers."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {}
    for name, value in (line.split(": ", 1) for line in lines[1:]):
        fields.setdefault(name.lower(), []).append(value)
    trailers = b""
    if "transfer-encoding" in fields:
        whole, size = b"", None
        while body and size != 0:
            line, _, body = body.partition(b"\r\n")
            size = int(line, 16)
            whole, body = whole + body[:size], body[size + 2 * (size > 0):]
        body, trailers = whole, body
    return int(lines[0].split()[1]) if lines[0] else 0, fields, body, trailers


def asked_as(n, host, bytes):
    """What is answered, but for what says when and how; of interim responses a handler sees none."""
    answer = talk(n.port, bytes.replace(b"Host: x", b"Host: " + host)).replace(host, b"plain")
    while answer.startswith(b"HTTP/1.1 1"):
        answer = answer.partition(b"\r\n\r\n")[2]
    status, fields, body, trailers = parts(answer)
    return status, {name: values for name, values in fields.items() if name not in ("connection", "date", "transfer-encoding")}, body, trailers


big = os.urandom(700000).hex().encode()
TRAILERS = "Trailer: X-Late\r\nTransfer-Encoding: chunked\r\n"
KINDS = {
    **{f"{method} {path}": request(method, path) for method in ("GET", "HEAD", "DELETE", "OPTIONS")
       for path in ("/hello?a=%26&b", "/headers", "/empty", "/redirect", "/big?n=70000", "/big?n=70000&length", "/no-such")},
    **{f"{method} a body of {len(body)}": request(method, "/digest", body) for method in ("POST", "PUT", "PATCH") for body in (b"", b"text", big)},
    "echo of much": request("POST", "/echo", big),
    "chunks": request("POST", "/digest", chunked(b"one", b"two"), framing="Transfer-Encoding: chunked\r\n"),
    "many chunks": request("POST", "/digest", chunked(*[big[at:at + 9000] for at in range(0, len(big), 9000)]), framing="Transfer-Encoding: chunked\r\n"),
    "trailers": request("POST", "/trailers", chunked(b"text", trailers="X-Late: yes\r\n"), framing=TRAILERS),
    "trailers after much": request("POST", "/trailers", chunked(big, trailers="X-Late: yes\r\n"), framing=TRAILERS),
    "a response in parts": request("GET", "/parts?n=20"),
    "interim responses": request("GET", "/hints"),
    "who does not want the body": request("POST", "/early", b"x"),
    "a failure": request("GET", "/boom"),
    "HTTP/1.0": b"GET /big?n=70000 HTTP/1.0\r\nHost: x\r\n\r\n",
}


class Server:
    """An upstream that answers by the path: with what it was asked, in part, nonsense, or nothing."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.socket.accept()[0],), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536) or exit()
            self.asked.append(head)
            path = head.split()[1]
            if path == b"/cut":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            elif path == b"/nonsense":
                connection.sendall(b"what?\r\n\r\n")
            elif path == b"/closes":
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
            elif path != b"/nothing":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(head) + head)


def told(n, do, after="", host="site", method="GET", target="/hello", body=None, **more):
    fields = f"Authorization: sesame\r\nX-Do: {do}\r\n" + (f"X-After: {after}\r\n" if after else "")
    return parts(talk(n.port, request(method, target, body, host=host, more=fields + more.pop("fields", ""), **more)))


with Server() as upstream, socket.socket() as nobody, contextlib.ExitStack() as stack:
    nobody.bind(("127.0.0.1", 0))
    configuration = f"{folder}/configuration"
    os.makedirs(configuration, exist_ok=True)
    with open(f"{configuration}/http_handler", "w") as file:
        file.write("its configuration")
    n = stack.enter_context(node(
        [f"plain={app}", f"chain={passes},{passes},{app}", f"site={auth},{guest},{app}", f"alone={guest}", f"end={passes}",
         f"up={guest},http://127.0.0.1:{upstream.port}", f"down={guest},http://127.0.0.1:{nobody.getsockname()[1]}"],
        "--deadline", "2s", "--compare-sample", "1/1", "--config", f"alone={configuration}", "--workers", "1"))
    n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 11, "all are ready")

    # What nobody touches is the same.
    for kind, bytes in KINDS.items():
        as_is, passed = asked_as(n, b"plain", bytes), asked_as(n, b"chain", bytes)
        check(as_is == passed, f"{kind}: {str(as_is)[:500]} but {str(passed)[:500]}")
    print(f"{len(KINDS)} kinds of requests")

    # Who may not pass does not reach what is behind.
    before = n.metric(r'aotc_requests_total\{app="site"')
    status, fields, body, _ = parts(talk(n.port, request("GET", "/hello", host="site")))
    check((status, fields["www-authenticate"], body) == (401, ["Word"], b"who are you?\n"), "a handler that answers")
    status, fields, body, _ = parts(talk(n.port, request("POST", "/hello", big, host="site", more="Expect: 100-continue\r\n")))
    check(status == 401, "who waits whether to send his body hears that it is not wanted")
    check(n.metric(r'aotc_requests_total\{app="site"') == before, "the program was not asked")
    status, fields, body, _ = told(n, "next", target="/headers")
    check(b"X-User: alice" in body and b"uthorization" not in body and status == 203, "what it changes is changed")

    # What a handler sees of the request, and makes of it.
    status, fields, body, _ = told(n, "who; long; names 0; values 0 x-TWO; log 1 one line; log 0 not shown; log 4 nor this; next", fields="X-Two: 1\r\nx-two: 2\r\n")
    check([fields[name] for name in ("method", "uri", "version", "uri-size", "values", "enabled")] ==
          [["GET"], ["/hello"], ["HTTP/1.1"], ["6!"], ["1,2"], ["1", "0", "0"]], f"{fields}")
    check(re.fullmatch(r"127\.0\.0\.1:\d+", fields["source"][0]), f"{fields}")
    names = fields["names"][0].split(",")
    check({"host", "x-do", "x-two", "x-user"} <= set(names) and len(set(names)) == len(names), f"{names}")
    check(n.wait_log("one line")["app"] == "site.2", "its log is its own")
    status, fields, body, _ = told(n, "method PUT; uri /headers?x; set 0 X-One=1; add 0 x-one=2; add 0 x-two=3; remove 0 x-three; set 0 Host=other; next", fields="X-Three: 3\r\n")
    check(b"X-One: 1|2\n" in body and b"X-Two: 3\n" in body and b"X-Three" not in body and b"other HTTP/1.1" in body and status == 203, f"{body}")
    status, fields, body, _ = told(n, "uri ; next")
    check(status == 404, "an empty path is /")
    status, fields, body, _ = told(n, "set 0 content-length=9999; set 0 transfer-encoding=chunked; set 0 connection=x-user; next", target="/headers")
    check(b"X-User: alice" in body and b"other" not in body, "the framing is not its")

    # Bodies: what it does not ask for goes on as it comes, what it asks for is there when it is called.
    digest = f"{len(big)} {hashlib.sha256(big).hexdigest()} <nil>\n".encode()
    for do, wanted in (("next", digest), ("read 0; next", digest), ("features 1; next", digest), ("copy 0; next", f"{len(big)} {hashlib.sha256(big.upper()).hexdigest()} <nil>\n".encode()),
                       ("write 0 abc; write 0 def; next", f"6 {hashlib.sha256(b'abcdef').hexdigest()} <nil>\n".encode())):
        status, fields, body, _ = told(n, do, method="POST", target="/digest", body=big)
        check(body == wanted and fields.get("body", [f"{len(big)}"]) == [f"{len(big)}"], f"{do}: {body} {fields}")
    # Half of a long body is here, the rest comes: the second call is the one that counts, and the first says nothing.
    lines = sum("said once" in line["message"] for line in n.lines)
    with connect(n.port) as slow:
        slow.sendall(request("POST", "/digest", b"", host="site", more="Authorization: sesame\r\nX-Do: log 1 said once; read 0; next\r\n", framing=f"Content-Length: {len(big)}\r\n") + big[:600000])
        until(lambda: n.metric(r'aotc_instances\{app="site.2"') == 1, "it has been called")
        slow.sendall(big[600000:])
        check(parts(read_all(slow))[2] == digest, "a body that it waited for")
    n.wait_log("said once", lines)
    check(sum("said once" in line["message"] for line in n.lines) == lines + 1, "once")
    status, fields, body, trailers = told(n, "features 4; names 2; values 2 x-late; add 2 x-more=1; next", method="POST", target="/trailers",
                                          body=chunked(b"text", trailers="X-Late: yes\r\n"), framing=TRAILERS)
    check(fields["names"] == ["x-late"] and fields["values"] == ["yes"] and b"map[X-Late:[yes]" in trailers, f"{fields} {trailers}")

    # The response: as it comes, unless it is to be changed.
    status, fields, body, _ = told(n, "features 2; next", "tell-status; set 1 x-after=CONTEXT; read 1; values 1 content-type; status 299; remove 1 date")
    check((status, fields["status"], fields["x-after"], fields["body"], "date" in fields, body) == (299, ["200"], ["77,0"], ["17"], False, b"hello GET /hello\n"), f"{fields} {body}")
    status, fields, body, _ = told(n, "features 2; next", "copy 1", target="/big?n=1000000")
    check(len(body) == 1000000 and body[:16] == b"0123456789ABCDEF", "a megabyte in capitals")
    status, fields, body, trailers = told(n, "features 6; next", "add 3 x-end=1; names 3", method="POST", target="/trailers", body=b"text")
    check(b"x-end: 1" in trailers and b"X-Sum" in trailers and "x-sum" in fields["names"][0], f"{fields} {trailers}")
    status, fields, body, _ = told(n, "features 2; next", "write 1 instead", method="HEAD")
    check((fields["content-length"], body) == (["7"], b""), f"HEAD: {fields}")
    status, fields, body, _ = told(n, "set 1 x-before=1; next", "log 1 afterwards")
    check(fields["x-before"] == ["1"] and body == b"hello GET /hello\n", f"{fields}")
    n.wait_log("afterwards")

    check(told(n, "sleep 3; next", "sleep 3")[0] == 200, "it may sleep")

    # Answers of its own.
    status, fields, body, _ = told(n, "status 404; set 1 content-type=text/x; write 1 ab 3; write 1 =", host="alone")
    check((status, fields["content-type"], fields["content-length"]) == (404, ["text/x"], [str(len(body))]), f"{fields}")
    check(told(n, "config", host="alone")[1]["config"] == ["its configuration"], "its configuration")
    check(told(n, "config", host="site")[1]["config"] == [""], "none")
    check(told(n, "status 204; write 1 body", host="alone")[2] == b"", "no body where there can be none")
    check(told(n, "next", host="alone")[0] == 502, "nobody is behind it")
    n.wait_log("it leaves the request to the next handler, and there is none")
    check(parts(talk(n.port, request("GET", "/", host="end")))[0] == 502, "nor behind this")

    # A server behind it.
    status, fields, body, _ = told(n, "set 0 x-new=1; next", "tell-status", host="up", target="/some/path?x=%2F")
    check(status == 200 and body.startswith(b"GET /some/path?x=%2F HTTP/1.1\r\n") and b"\r\nx-new: 1\r\n" in body and b"\r\nHost: up\r\n" in body, f"{body}")
    check(told(n, "next", host="up", target="/closes")[2] == b"until the end", "a response that ends with its connection")
    check(told(n, "features 2; next", "set 1 x-after=CONTEXT", host="up", target="/closes")[1]["x-after"] == ["77,0"], "and that is kept")
    for host, target in (("up", "/nonsense"), ("up", "/nothing"), ("down", "/")):
        status, fields, body, _ = told(n, "features 2; next", "set 1 x-after=CONTEXT", host=host, target=target)
        check(status == 502 and fields["x-after"] == ["77,1"], f"{host}{target}: {status} {fields}")
    answer = talk(n.port, request("GET", "/cut", host="up", more="X-Do: next\r\nX-After: log 1 it was cut CONTEXT\r\n"))
    check(b"Content-Length: 100" in answer and answer.endswith(b"half"), f"cut: {answer}")
    n.wait_log("it was cut 77,1")
    check(told(n, "features 2; next", "set 1 x-after=CONTEXT", host="up", target="/cut")[0] == 502, "a cut one that is kept")

    # The program behind it fails, or there are too many.
    check(told(n, "features 2; next", "set 1 x-after=CONTEXT", target="/fatal")[:2][1]["x-after"] == ["77,1"], "what is behind it fails")
    check(all(n.metric(rf'aotc_instances\{{app="{name}"') == 0 for name in ("site", "site.1", "site.2", "up.1", "chain")), "nothing is left")
    check(not any("differs" in line["message"] for line in n.lines), "no byte left")
