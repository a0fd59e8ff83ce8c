"""Many pipelined requests over some connections at the same time."""
import re
import threading

from harness import check, connect

CONNECTIONS, BATCH = 8, 32


def request(line, last, body=None):
    """The last one of a batch asks for the connection to be closed."""
    head = b"%s HTTP/1.1\r\nHost: x\r\n%s" % (line, b"Connection: close\r\n" if last else b"")
    return head + b"\r\n" if body is None else head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _client(port, count, make, failures):
    for number in range(count // BATCH):
        with connect(port) as connection:
            connection.sendall(b"".join(make(number + i, i == BATCH - 1) for i in range(BATCH)))
            answers = 0
            tail = b""
            while piece := connection.recv(1 << 16):
                data = tail + piece
                answers += len(re.findall(rb"HTTP/1\.1 [1-5]\d\d ", data))
                failures.extend(code for code in (b"HTTP/1.1 500", b"HTTP/1.1 502", b"HTTP/1.1 503", b"HTTP/1.1 504") if code in data)
                tail = data[-12:]
            if answers != BATCH:
                failures.append(f"{answers} answers of {BATCH}")


def run(port, count, make):
    """`count` requests; make(number, last) is one of them, see `request`. None may fail."""
    failures = []
    threads = [threading.Thread(target=_client, args=(port, count // CONNECTIONS, make, failures)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, f"{len(failures)} failures: {failures[:3]}")
