"""filter.py ARTIFACT"""
import contextlib
import os
import sys
import threading

from harness import check, connect, read_all, talk
from node import node

FIRST = b"before the input\n"


def exchange(n, request):
    """Sends and reads at the same time, as the program does."""
    def send():
        with contextlib.suppress(OSError):  # it need not read everything
            connection.sendall(request)

    with connect(n.port) as connection:
        sender = threading.Thread(target=send)
        sender.start()
        response = read_all(connection)
        connection.close()
        sender.join()
        return response


def post(n, body, fields=b"", method=b"POST"):
    request = method + b" /any/path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + fields
    return exchange(n, request + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def dechunk(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        n = int(size, 16)
        body, data = body + data[:n], data[n + 2:]
        if n == 0:
            return body
    raise SystemExit("the response was cut off")


def body_of(response):
    head, _, body = response.partition(b"\r\n\r\n")
    check(head.startswith(b"HTTP/1.1 200 OK\r\n") and b"application/octet-stream" in head, f"{head}")
    return dechunk(body) if b"chunked" in head else body


with node([f"filter={sys.argv[1]}"], "--workers", "1", "--compare-sample", "1/1", "--deadline", "2s") as n:
    check(body_of(post(n, b"some text")) == FIRST + b"SOME TEXT", "a short body")
    check(b"Content-Length: 26\r\n" in post(n, b"some text"), "a response that is known as a whole has a length")
    check(body_of(talk(n.port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) == FIRST, "no body")
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in [b"one ", b"two ", b"three"]) + b"0\r\n\r\n"
    check(body_of(talk(n.port, chunked + pieces)) == FIRST + b"ONE TWO THREE", "a body in chunks")
    with connect(n.port) as waiting:
        waiting.sendall(chunked.replace(b"Transfer", b"Expect: 100-continue\r\nTransfer"))
        interim, _, rest = waiting.recv(65536).partition(b"\r\n\r\n")
        check(interim == b"HTTP/1.1 100 Continue", "a client that waits before its body")
        waiting.sendall(pieces)
        check(body_of(rest + read_all(waiting)) == FIRST + b"ONE TWO THREE", "its body")
    big = os.urandom(5 << 20).hex().encode()
    check(body_of(post(n, big)) == FIRST + big.upper(), "ten megabytes")
    tiny = b"".join(b"1\r\nx\r\n" for _ in range(200000)) + b"0\r\n\r\n"
    check(body_of(exchange(n, chunked + tiny)) == FIRST + b"X" * 200000, "chunks of a byte")
    head = post(n, b"text", method=b"HEAD")
    check(head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n"), "HEAD")
    check(body_of(post(n, b"sleep well")) == FIRST + b"SLEEP WELL", "a program that sleeps")
    check(body_of(post(n, b"early" + big)) == FIRST + b"enough\n", "a program that does not read everything")
    for word, status in [(b"fail!", 502), (b"hang!", 504)]:
        check(post(n, word).startswith(b"HTTP/1.1 %d " % status), f"{word}")
    n.wait_log("exit code 3")
    # Its log is text, whatever it writes there: what is not UTF-8 is replaced.
    post(n, "write Grüße aus 日本 \x9b31m\n".encode() + b"write \xff\xe6\x97\n" + "write 日".encode() + "本".encode() * 3000 + b"\n")
    check(n.wait_log("write G")["message"] == "write Grüße aus 日本 \x9b31m", "the log in UTF-8")
    check(n.wait_log("write \ufffd")["message"] == "write \ufffd\ufffd\ufffd", "what is none in the log")
    check(set(n.wait_log("write 日")["message"][7:]) == {"本"}, "a long line, cut between characters")
    # When a program waits, what it wrote goes out: from then on a failure can only cut off. A panic waits before it ends.
    for request in [b"late!" + big, b"trap!"]:
        cut = post(n, request)
        check(cut.startswith(b"HTTP/1.1 200") and not cut.endswith(b"0\r\n\r\n"), "a failure after the beginning cuts off")
    check(body_of(post(n, b"after all")) == FIRST + b"AFTER ALL", "the next request")
    # A client that reads only when it has sent everything.
    with connect(n.port) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (1 << 20) + b"y" * (1 << 20))
        check(body_of(read_all(slow)) == FIRST + b"Y" * (1 << 20), "a slow reader")
    check(not any("differs" in line["message"] for line in n.lines), "no byte left")
