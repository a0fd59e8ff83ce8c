# What whoever is in Redis's place says to the broker: nothing, what is no reply, replies to nothing, too large or too deep ones, and such as the
# script does not give. Programs get an error within their time, other connections go on meanwhile, and the broker stays small.
# RUN: %python %s %t
import contextlib
import socket
import struct
import threading

from broker import BROKEN, DATA, END, FAILED, GET, LIST, OK, OPENED, PUT, Broker
from harness import check, fresh_folder

CONNECT = 2
GREETING = b"+OK\r\n$40\r\n" + b"0" * 40 + b"\r\n"


class Server:
    """Accepts, and does to each connection what it is told."""

    def __init__(self, act):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.act = self.listener.getsockname()[1], act
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            self.act(connection)


def says(reply, greeting=GREETING, of=b"EVALSHA"):
    """Greets, hears what it is asked, says this and no more."""

    def act(connection):
        heard = b""
        connection.sendall(greeting)
        while of not in heard:
            piece = connection.recv(65536)
            if not piece:
                return
            heard += piece
        connection.sendall(reply)
        while connection.recv(65536):
            pass
    return act


def floods(piece, greeting=GREETING):
    def act(connection):
        says(piece, greeting)
        connection.sendall(greeting)
        while True:
            connection.sendall(piece)
    return act


def lists(*names):
    return b"*%d\r\n:0\r\n:0\r\n:0\r\n" % (3 + len(names)) + b"".join(b"$%d\r\n%s\r\n" % (len(name), name) for name in names)


def answer(status=b":0", version=b":1", expires=b":0", value=b"$1\r\nx"):
    return b"*4\r\n" + b"\r\n".join((status, version, expires, value)) + b"\r\n"


nothing = says(b"")
CASES = {
    "closes": lambda connection: None, "is silent": lambda connection: connection.recv(1 << 20) and connection.recv(1), "does not answer": nothing,
    "refuses": says(b"-NOPERM", b"-NOAUTH Authentication required.\r\n", b"SELECT"), "has no script": says(b"-NOSCRIPT none\r\n-NOSCRIPT none\r\n"),
    "fails": says(b"-ERR \x1b[2J\xff " + b"x" * 100_000 + b"\r\n"), "speaks HTTP": says(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"SELECT"),
    "noise": floods(bytes(range(256))), "numbers": floods(b":1\r\n"), "a line without an end": floods(b"+" + b"x" * 1000),
    "a text without an end": floods(b"$2000000000\r\n"), "a script's name that is none": says(b"", b"+OK\r\n$3\r\nabc\r\n", b"SCRIPT"),
    "a large list": says(b"*2000000000\r\n"), "a list without an end": floods(b"*1000\r\n" + b":1\r\n" * 999), "lists in lists": floods(b"*1\r\n"),
    "a negative length": says(b"$-5\r\n"), "nothing": says(b"$-1\r\n"), "no list": says(b"*-1\r\n"), "an empty list": says(b"*0\r\n"),
    "two answers": says(answer() * 2), "a text": says(b"+OK\r\n"), "a short answer": says(b"*3\r\n:0\r\n:1\r\n:0\r\n"),
    "a long answer": says(b"*5\r\n:0\r\n:1\r\n:0\r\n$1\r\nx\r\n$1\r\ny\r\n"), "a status that is none": says(answer(status=b":9")),
    "a status below": says(answer(status=b":-1")), "a version below": says(answer(version=b":-1")), "a time below": says(answer(expires=b":-1")),
    "a text for a number": says(answer(version=b"$1\r\n1")), "a number for a text": says(answer(value=b":1")),
    "a value that is too large": says(answer(value=b"$131073\r\n" + b"x" * 131073)),
}
LISTS = {
    "another's key": lists(b"other"), "a key that is too long": lists(b"k" * 481), "too many keys": lists(*[b"k"] * 1002), "a list of a list": b"*4\r\n:0\r\n:0\r\n:0\r\n*0\r\n",
    "a list that is full": b"*3\r\n:3\r\n:0\r\n:0\r\n",
}


def memory(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


def echo(connection):
    while piece := connection.recv(65536):
        connection.sendall(piece)


echoing = Server(echo)


def attempt(name, act, operation=GET, key=b"k"):
    server = Server(act)
    broker = Broker(f"kv=redis://127.0.0.1:{server.port}", "kv-size=1048576", "log=plain", "app=a", "connections=9", f"allow=tcp://127.0.0.1:{echoing.port}", "app=b",
                    "connections=9", log=log)
    a, b = broker.tenant(0), broker.tenant(1)
    a.open()
    b.open()
    a.say(struct.pack("<IHHQQ", len(key), operation, len(key), 0, 5) + key)
    b.say(struct.pack("<IHHQQ", len(key) + 1, PUT, len(key), 0, 5) + key + b"v")
    # Another connection goes on while Redis is waited for.
    kv, a.stream = a.stream, 77
    a.frame(1, CONNECT | echoing.port << 16, b"127.0.0.1")
    early = []
    while True:
        size, stream, kind, value = struct.unpack("<IIII", a.take(16))
        payload = a.take(size) if size else b""
        if stream == kv and kind == DATA:
            early.append(payload)
        elif stream == 77:
            check(kind not in (FAILED, END), f"{name}: another connection: {kind} {value}")
            if kind == OPENED:
                a.frame(DATA, 0, b"hello")
            if kind == DATA:
                break
    check(payload == b"hello", f"{name}: {payload}")
    a.stream, a.data = kv, b"".join(early)
    answers = a.answer(), b.answer()
    if name == "two answers":
        check(answers[0][0] in (OK, BROKEN), f"{name}: {answers}")  # the first is one
    else:
        check(answers[0][0] == BROKEN, f"{name}: {answers}")
    check(answers[1][0] == BROKEN, f"{name}: another app: {answers}")
    check(memory(broker.process.pid) < 64 << 10, f"{name}: {memory(broker.process.pid)} KiB")
    server.listener.close()
    broker.end()


log = open(f"{fresh_folder()}/log", "w+")
for name, act in CASES.items():
    attempt(name, act)
for name, reply in LISTS.items():
    attempt(name, says(reply), LIST)
log.seek(0)
said = log.read()
for why in ("it has closed the connection", "it does not answer", "it has not answered for 2 s", "it does not speak as Redis does", "it answers what was not asked",
            "NOAUTH Authentication required.", "ERR ?[2J? xxx"):
    check(why in said, f"nobody said: {why}")
check(said.isascii() and said.replace("\n", "").isprintable(), "what it says is for a terminal")
