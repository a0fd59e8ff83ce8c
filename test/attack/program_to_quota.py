# A connection of a program's that moves more bytes, or is there for longer, than its app's may, fails by itself: others of the same worker go on,
# and so do its requests to its store. All of an app's together are no faster than they may be.
# RUN: %python %s %t
import contextlib
import errno
import socket
import threading
import time

from broker import CLOSE, DATA, FAILED, GET, OK, OPENED, PUT, TAKEN, Broker
from harness import check, fresh_folder

CONNECT, LIMIT = 2, 100_000
folder = fresh_folder()
listener = socket.create_server(("127.0.0.1", 0))


def echo(connection):
    with contextlib.suppress(ConnectionError), connection:
        while piece := connection.recv(65536):
            connection.sendall(piece)


def serve():
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()


threading.Thread(target=serve, daemon=True).start()
port = listener.getsockname()[1]


def start(**limits):
    words = [f"{name}={value}" for name, value in limits.items()]
    broker = Broker(f"kv={folder}/store", "kv-size=1048576", "log=plain", "app=a", "connections=9", *words, f"allow=tcp://127.0.0.1:{port}", log=log)
    return broker, broker.tenant(0)


def connect(a):
    a.stream += 1
    a.frame(1, CONNECT | port << 16, b"127.0.0.1")
    check(a.hear()[0] == OPENED, "connected")
    return a.stream


def exchange(a, data):
    """What comes back of as many bytes; an errno when the connection fails."""
    a.say(data)
    back = 0
    while back < len(data):
        kind, value, payload = a.hear()
        if kind == FAILED:
            return value
        if kind == DATA:
            back += len(payload)
            a.frame(TAKEN, len(payload))
    return back


def keeps(a):
    """Its store is not what is meant."""
    a.open()
    for _ in range(3):
        check(a.ask(PUT, b"key", b"x" * LIMIT)[0] == OK and a.ask(GET, b"key")[2] == b"x" * LIMIT, "a store that moves more")
    a.frame(CLOSE)


log = open(f"{folder}/log", "w+")
broker, a = start(bytes=LIMIT)
first = connect(a)
second = connect(a)
check(exchange(a, b"x" * (LIMIT // 2)) == LIMIT // 2, "as much as it may")
a.stream = first
check(exchange(a, b"x" * LIMIT) == errno.EDQUOT, "more than it may")
a.stream = second
check(exchange(a, b"x") == errno.EDQUOT, "a byte more than it may")
connect(a)
check(exchange(a, b"x" * 1000) == 1000, "and another one")
keeps(a)
broker.end()

broker, a = start(time=300_000_000)
first = connect(a)
keeps(a)
a.stream = first
heard = a.hear()
check(heard[:2] == (FAILED, errno.ETIMEDOUT), f"after its time: {heard}")
a.stream = 100
connect(a)
check(exchange(a, b"x" * 1000) == 1000, "and another one")
keeps(a)
broker.end()
# What is slower than it could be takes at least that long: 500,000 bytes, both ways, of which 100,000 may come at once.
broker, a = start(rate=LIMIT)
connect(a)
begin = time.monotonic()
check([exchange(a, b"x" * 50_000) for _ in range(5)] == [50_000] * 5, "it waits, and loses nothing")
check(time.monotonic() - begin > 3, "it waits")
keeps(a)
broker.end()
log.seek(0)
said = log.read()
check("it has more bytes than --max-outbound-bytes" in said and "it is older than --max-outbound-time" in said, said)
