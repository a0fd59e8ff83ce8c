# What no honest client sends gets a 4xx, who is too slow a closed connection, and the server goes on.
# RUN: %python %s %t
import contextlib
import os
import socket
import time

from harness import Server, fresh_folder

folder = fresh_folder()
POST = b"POST /v1/compile HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
refused = {
    "garbage": os.urandom(2000) + b"\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "other version": b"GET /healthz HTTP/3.7\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(5000)) + b"\r\n",
    "long target": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
    "bad field": b"GET / HTTP/1.1\r\nX y: z\r\n\r\n",
    "line of text as chunk size": CHUNKED + b"hello\r\n",
    "huge chunk size": CHUNKED + b"fffffffffffffffff\r\n",
    "negative chunk size": CHUNKED + b"-5\r\nhello\r\n",
    "chunk without its end": CHUNKED + b"3\r\nabcde\r\n0\r\n\r\n",
    "negative length": POST + b"Content-Length: -1\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length that overflows": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "parent folder": b"GET /v2/../etc/passwd HTTP/1.1\r\nConnection: close\r\n\r\n",
    "escaped parent folder": b"GET /v2/%2e%2e/%2e%2e/blobs/x HTTP/1.1\r\nConnection: close\r\n\r\n",
    "escaped slash": b"GET /v2/..%2f..%2fblobs/x HTTP/1.1\r\nConnection: close\r\n\r\n",
    "escaped zero byte": b"GET /v2/a%00b/tags/list HTTP/1.1\r\nConnection: close\r\n\r\n",
    "bad escape": b"GET /v2/%zz HTTP/1.1\r\nConnection: close\r\n\r\n",
    "empty component": b"GET //healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
    "backslash": b"GET /v2\\..\\x HTTP/1.1\r\nConnection: close\r\n\r\n",
    "absolute target": b"GET http://x/healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n",
    "method nobody knows": b"BREW /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
    "delete": b"DELETE /v1/modules HTTP/1.1\r\nConnection: close\r\n\r\n",
    "job id that is a path": b"GET /v1/jobs/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\nConnection: close\r\n\r\n",
}
for number in ("nan", "-1", "%2b1", "0x10", "1e3", "1.5", "1" + "0" * 23, "4294967296", "5x", "%201", ""):
    for path in ("/v1/jobs/" + "0" * 32 + "?wait=", "/v1/modules?n=", "/v2/x/tags/list?n=", "/v2/_catalog?n="):
        refused[path + number] = f"GET {path}{number} HTTP/1.1\r\nConnection: close\r\n\r\n".encode()
slow = {
    "header that never ends": b"GET /healthz HTTP/1.1\r\nX: y\r\n",
    "upload that never comes": POST + b"Content-Length: 100\r\n\r\nabc",
    "silence": b"",
}
with Server(folder, "--header-timeout", "0.5s", "--body-timeout", "0.5s") as server:
    for what, data in refused.items():
        answer = server.talk(data)
        assert answer.startswith(b"HTTP/1.1 4"), (what, answer[:200])
        assert server.get("/healthz") == b"ok\n", what
    for what, data in slow.items():
        assert server.talk(data) == b"", what  # closed when its time is over
        assert server.get("/healthz") == b"ok\n", what
    # Slowloris: a byte now and then does not buy more time. Without the deadlines this would never end.
    for start in (b"GET /healthz HTTP/1.1\r\nX: ", POST + b"Content-Length: 1000000\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(start)
            while True:
                connection.sendall(b"x")
                time.sleep(0.02)
        assert server.get("/healthz") == b"ok\n", start
    stats = server.stats()
    assert stats["client_errors"] == len(refused) and stats["server_errors"] == 0, stats
    assert stats["uploads"] == 0, stats
