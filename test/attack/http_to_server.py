# Whoever can connect tries to keep something of the server for ever: a connection, its memory, a file, a promise, other
# clients' places. Each ends within its limit, gives everything back, and is counted with the reason.
# RUN: %python %s %t
import contextlib
import http.client
import random
import resource
import socket
import ssl
import struct
import subprocess
import os

from harness import BIN, Authority, Server, fresh_folder, hello_wasm, padded, sha256, until, write_tokens

folder = fresh_folder()
hello = hello_wasm(folder)
tokens = write_tokens(folder, {"acme": {"tokens": {"acme": ["pull", "push"]}, "bytes": 100 << 20}})
BIG = padded(hello, random.Random(1).randbytes(16 << 20))  # more than sockets hold
OPTIONS = "?tier=quick&target=host&snapshot=off&name=acme/big"
POST = f"POST /v1/compile{OPTIONS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = POST + b"Content-Length: 1000000\r\n"


def connect(server, data=b"", address="127.0.0.1", receive=None):
    """A connection that has sent this; with `receive`, its socket takes only so many bytes."""
    connection = socket.socket()
    if receive:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    connection.bind((address, 0))
    connection.settimeout(120)
    connection.connect(("127.0.0.1", server.port))
    with contextlib.suppress(ConnectionError):  # closed at once
        connection.sendall(data)
    return connection


def rest(connection):
    """What comes until the server closes."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 20):
            data += part
    return data


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drip(connection):
    """A byte now and then, until the server closes."""
    connection.settimeout(0.02)
    with contextlib.suppress(ConnectionError):
        while True:
            connection.sendall(b"1")
            with contextlib.suppress(TimeoutError):
                if not connection.recv(1):
                    return


def descriptors(server):
    """Sockets, and files of uploads."""
    count, folder = 0, f"/proc/{server.process.pid}/fd"
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(f"{folder}/{name}")
            count += target.startswith("socket:") or "/work/" in target and target.endswith("(deleted)")
    return count


class Watch:
    """Around something rude: it must be counted so often for this reason and no other, and leave nothing."""

    def __init__(self, user, reason="", times=0):
        self.user, self.reason, self.times = user, "closed_connections_" + reason, times

    def reasons(self, stats):
        return {name: count for name, count in stats.items()
                if name.startswith("closed_connections") and name != "closed_connections_done"}  # as those that ask

    def __enter__(self):
        stats = wait_for_quiet(self.user)
        self.expected = self.reasons(stats)
        if self.times:
            self.expected[self.reason] += self.times
        self.open, self.stored = descriptors(self.user), stats["store_bytes"]

    def __exit__(self, kind, value, trace):
        if kind is None:
            until(lambda: self.user.stats().get(self.reason, 0) >= self.expected.get(self.reason, 0))
            stats = wait_for_quiet(self.user)
            assert self.reasons(stats) == self.expected, (self.expected, stats)
            assert stats["store_bytes"] == self.stored, stats
            until(lambda: descriptors(self.user) <= self.open)


def wait_for_quiet(user):
    while (stats := user.stats())["connections"] > 1 or stats["reserved_bytes"] > 0:
        pass
    return stats


server = Server(folder, "--token-file", tokens, "--header-timeout", "0.5s", "--body-timeout", "0.5s", "--min-rate", "64K",
                "--no-request-log")
with server:
    acme, root = server.as_user("acme"), server.as_user("root")
    job = acme.wait(acme.upload(BIG, OPTIONS)[1]["id"])
    assert job["state"] == "done", job
    DOWNLOAD = f"GET /v2/acme/big/blobs/{job['module']} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme\r\n\r\n".encode()

    with Watch(root, "idle", 2):
        assert rest(connect(server)) == b""
        assert b"404" in rest(connect(server, b"GET /nothing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme\r\n\r\n"))
    with Watch(root, "slow_header", 2):
        assert rest(connect(server, b"GET / HTTP/1.1\r\nX: y\r\n")) == b""
        drip(connect(server, b"GET / HTTP/1.1\r\nX: "))
    with Watch(root, "slow_body", 5):
        assert rest(connect(server, LENGTH + b"\r\n\0asm")) == b""
        assert rest(connect(server, CHUNKED + b"10000\r\n\0asm")) == b""
        assert rest(connect(server, LENGTH + b"Expect: 100-continue\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
        drip(connect(server, LENGTH + b"\r\n"))
        drip(connect(server, CHUNKED + b"100000\r\n"))
    with Watch(root, "slow_response", 2):
        for data in (DOWNLOAD, DOWNLOAD.replace(b"\r\n\r\n", b"\r\nAccept-Encoding: zstd\r\n\r\n")):
            connection = connect(server, data, receive=4096)
            until(lambda: root.stats()["connections"] == 1)  # not before the server has given up
            assert 0 < len(rest(connection)) < len(BIG)
    with Watch(root, "aborted", 6):
        for data in (CHUNKED + b"20000\r\n" + bytes(100_000), LENGTH + b"\r\nabc"):
            connection = connect(server, data)
            until(lambda: root.stats()["reserved_bytes"] > 0)
            reset(connection)
        connection = connect(server, DOWNLOAD, receive=4096)
        assert connection.recv(1) == b"H"
        reset(connection)
        for data in (CHUNKED + b"10000\r\nabc", LENGTH + b"\r\nabc", b"GET / HTT"):
            connection = connect(server, data)
            connection.shutdown(socket.SHUT_WR)
            assert rest(connection) == b"", data
    with Watch(root):  # whoever has said all may close that side
        connection = connect(server, DOWNLOAD)
        connection.shutdown(socket.SHUT_WR)
        assert rest(connection).endswith(BIG[-1000:])
    # Who pays for it: a refused body is not read, and its connection ends.
    with Watch(root):
        assert rest(connect(server, CHUNKED.replace(b"acme\r", b"evil\r") + b"10000\r\nabc")).startswith(b"HTTP/1.1 401 ")

# Waiting for a job that does not end, and leaving.
with Server(folder, "--token-file", tokens, "--workers", "0", "--no-request-log") as server:
    acme, root = server.as_user("acme"), server.as_user("root")
    job = acme.upload(hello, OPTIONS)[1]
    for path, accept in ((f"/v1/jobs/{job['id']}?wait=60", "*/*"), (f"/v1/jobs/{job['id']}", "text/event-stream")):
        with Watch(root):
            connection = connect(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme\r\n"
                                 f"Accept: {accept}\r\nConnection: close\r\n\r\n".encode())
            until(lambda: root.stats()["connections"] == 2)
            connection.shutdown(socket.SHUT_WR)
            assert b"queued" in rest(connection)

# Strangers that take all places and wait: for whoever comes then, those go that have waited for longest.
with Server(folder, "--token-file", tokens, "--max-connections", "64", "--header-timeout", "10m", "--body-timeout", "10m",
            "--no-request-log") as server:
    acme, root = server.as_user("acme"), server.as_user("root")
    downloads = [connect(server, DOWNLOAD, receive=4096) for _ in range(4)]
    strangers = [connect(server, b"GET / HTTP/1.1\r\n" if n % 2 else b"", f"127.0.1.{n % 8 + 1}") for n in range(200)]
    for _ in range(100):
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                assert acme.get("/healthz") == b"ok\n"
                break
    until(lambda: root.stats()["closed_connections_full"] >= 36 and root.stats()["connections"] <= 66)
    for connection in (*downloads, *strangers):
        connection.close()

# Tenants that hold memory: as above.
with Server(folder, "--token-file", tokens, "--transfer-memory", "1M", "--body-timeout", "10m", "--no-request-log") as server:
    acme, root = server.as_user("acme"), server.as_user("root")
    held = [connect(server, DOWNLOAD, receive=4096) for _ in range(4)]
    until(lambda: root.stats()["connections"] == 5)
    uploads = [connect(server, LENGTH + b"\r\n\0asm") for _ in range(2)]
    statuses = set()
    while 200 not in statuses:
        status, headers, body = acme.request("GET", f"/v2/acme/big/blobs/{sha256(BIG)}")
        statuses.add(status)
        assert status == 200 and body == BIG or status == 503 and headers["retry-after"] == "5", (status, body[:200])
    until(lambda: root.stats()["closed_connections_memory"] >= 1)
    for connection in (*held, *uploads):
        connection.close()

# TLS: who says nothing, or stops in the middle of the handshake.
with Server(folder, "--token-file", tokens, "--header-timeout", "0.5s", *Authority(folder).issue("server")) as server:
    root = server.as_user("root")
    root.tls = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    for reason, data in (("idle", b""), ("slow_header", b"\x16\x03\x01\x00\xff\x01")):
        with Watch(root, reason, 1):
            assert rest(connect(server, data)) == b""

# As many descriptors as connections can need, or none are served.
command = [os.path.join(BIN, "aotc-server"), "--data", f"{folder}/data", "--listen", "127.0.0.1:0", "--max-connections", "5000"]
few = subprocess.run(command, capture_output=True, text=True,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)))
assert few.returncode == 1 and "--max-connections 5000 needs" in few.stderr, few
