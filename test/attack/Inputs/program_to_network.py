"""program_to_network.py: what native code in a tenant's place says to the broker, and where names lead that others decide about. It is run
in a mount namespace of its own, whose /etc/hosts is FOLDER/hosts."""
import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading

from harness import BIN, check, until

folder = sys.argv[1]
OPEN, CLOSE, OPENED, FAILED, DATA, END, TAKEN = range(1, 8)
LOOKUP, CONNECT, HTTPS = 1, 2, 3
EACCES, ENOENT, EMFILE, EPROTO, WINDOW = 13, 2, 24, 71, 256 << 10


class Tenant:
    """A worker's end of a channel."""

    def __init__(self, end):
        self.end, self.next, self.data = end, 0, b""
        end.settimeout(60)

    def say(self, kind, stream, value=0, payload=b"", size=None):
        self.end.sendall(struct.pack("<IIII", len(payload) if size is None else size, stream, kind, value) + payload)

    def open(self, service, name, port=0):
        self.next += 1
        self.say(OPEN, self.next, service | port << 16, name.encode())
        return self.next

    def hear(self):
        """(kind, stream, value, payload); None at the end."""
        while len(self.data) < 16 or len(self.data) < 16 + struct.unpack("<I", self.data[:4])[0]:
            with contextlib.suppress(ConnectionError):
                more = self.end.recv(65536)
                if more:
                    self.data += more
                    continue
            return None
        size, stream, kind, value = struct.unpack("<IIII", self.data[:16])
        payload, self.data = self.data[16:16 + size], self.data[16 + size:]
        return kind, stream, value, payload

    def result(self, service, name, port=0):
        """The errno of what was asked for, 0 if it was opened."""
        number = self.open(service, name, port)
        heard = self.hear()
        check(heard[1] == number and heard[0] in (OPENED, FAILED), heard)
        return heard[2] if heard[0] == FAILED else 0

    def lookup(self, name):
        check(self.result(LOOKUP, name) == 0, name)
        kind, _, _, payload = self.hear()
        check(kind == DATA and self.hear()[0] == END, name)
        return [socket.inet_ntop(socket.AF_INET6, payload[at:at + 16]) for at in range(0, len(payload), 16)]


class Broker:
    def __init__(self, *words):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen([f"{BIN}/aotc-broker", *words], stdin=theirs, stderr=subprocess.PIPE, text=True)
        self.said = ""
        threading.Thread(target=self.read, daemon=True).start()
        theirs.close()

    def read(self):
        for line in self.process.stderr:
            self.said += line

    def tenant(self, app=0):
        ours, theirs = socket.socketpair()
        socket.send_fds(self.socket, [struct.pack("<I", app)], [theirs.fileno()])
        theirs.close()
        return Tenant(ours)


def write_hosts(**names):
    with open("/etc/hosts", "w") as file:
        file.writelines(f"{address} {name.replace('_', '.')}\n" for name, addresses in names.items() for address in addresses)


@contextlib.contextmanager
def echo():
    """A server that says what it hears, and counts who came."""
    came = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                came.append(connection)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection):
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], came


def check_addresses(port, came):
    """Names that lead inside, and addresses that are written in other ways."""
    write_hosts(inside_example=["10.0.0.5"], metadata_example=["169.254.169.254"], here_example=["127.0.0.1"], six_example=["::1"], mapped_example=["::ffff:127.0.0.1"],
                any_example=["0.0.0.0"], local_example=["fd00::1"], nat_example=["64:ff9b::7f00:1"], both_example=["192.0.66.1", "127.0.0.1"], named_example=["10.1.2.3"])
    broker = Broker("app=a", "allow=tcp://*.example:*", "allow=https://*.example", "private=10.1.0.0/16", "app=b", f"allow=tcp://127.0.0.1:{port}")
    a, b = broker.tenant(0), broker.tenant(1)
    for name in ("inside", "metadata", "here", "six", "mapped", "any", "local", "nat"):
        for service in (LOOKUP, CONNECT, HTTPS):
            check(a.result(service, f"{name}.example", port) == EACCES, (name, service))
    check(a.lookup("both.example") == ["::ffff:192.0.66.1"], "the private one is left out")
    check(a.lookup("NAMED.example.") == ["::ffff:10.1.2.3"], "a network that is allowed")
    for written in ("127.0.0.1", "::ffff:127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:7f00:1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "example",
                    "evil-example", "x.example.evil", "a\nb.example", "a b.example"):
        check(a.result(CONNECT, written, port) not in (0, None), written)
    # What another app may, and what another app was told.
    check(b.result(CONNECT, "::ffff:127.0.0.1", port) == 0, "an address that is named, however it is written")
    check(b.result(CONNECT, "192.0.66.1", port) == EACCES and b.result(LOOKUP, "both.example") == EACCES, "another app's name")
    check(b.result(CONNECT, "127.0.0.1", port + 1) == EACCES and b.result(HTTPS, "127.0.0.1", port) == EACCES, "another port, another service")
    until(lambda: len(came) == 1, "one connection")
    check("inside.example leads to 10.0.0.5, which is private (--allow-private)" in broker.said and '"app":"a"' in broker.said, broker.said)
    broker.process.kill()


def check_rebinding(port):
    """A name that leads elsewhere at the second look."""
    write_hosts(rebinds_example=["192.0.66.1"])
    broker = Broker("app=a", f"allow=tcp://rebinds.example:{port}")
    tenant = broker.tenant()
    check(tenant.lookup("rebinds.example") == ["::ffff:192.0.66.1"], "at first")
    write_hosts(rebinds_example=["127.0.0.1"])
    check(tenant.result(CONNECT, "127.0.0.1", port) == EACCES, "the new one")
    broker.process.kill()
    broker = Broker("app=a", f"allow=tcp://rebinds.example:{port}")
    check(broker.tenant().result(CONNECT, "rebinds.example", port) == EACCES, "by its name")
    broker.process.kill()


def check_frames(port):
    """Frames of a hostile tenant end its channel, and nothing else."""
    broker = Broker("app=a", f"allow=tcp://127.0.0.1:{port}", "connections=10", "app=b", f"allow=tcp://127.0.0.1:{port}")
    good = broker.tenant(1)
    check(good.result(CONNECT, "127.0.0.1", port) == 0, "a good one")
    opened = struct.pack("<IIII", 9, 1, OPEN, CONNECT | port << 16) + b"127.0.0.1"
    for words in (os.urandom(4096), struct.pack("<IIII", 1 << 20, 1, OPEN, 1), struct.pack("<IIII", 0, 1, OPEN, 1), struct.pack("<IIII", 1, 1, OPEN, 9) + b"x",
                  struct.pack("<IIII", 256, 1, OPEN, 1) + b"x" * 256, struct.pack("<IIII", 0, 1, 99, 0), struct.pack("<IIII", 0, 1, 0, 0), opened * 2,
                  opened + struct.pack("<IIII", 0, 1, TAKEN, 1 << 31), opened + struct.pack("<IIII", 0, 1, OPENED, 0), opened + struct.pack("<IIII", 0, 1, FAILED, 0)):
        bad = broker.tenant()
        with contextlib.suppress(ConnectionError):
            bad.end.sendall(words)
        while (heard := bad.hear()) is not None:
            check(heard[0] in (OPENED, FAILED), heard)
    # More than the window of one that does not go on.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        full = Broker("app=a", f"allow=tcp://127.0.0.1:{silent.getsockname()[1]}")
        flooding = full.tenant()
        check(flooding.result(CONNECT, "127.0.0.1", silent.getsockname()[1]) == 0, "to a silent one")
        with contextlib.suppress(ConnectionError):
            for _ in range(4096):
                flooding.say(DATA, 1, 0, b"x" * 65536)
        while flooding.hear() is not None:
            continue
        full.process.kill()
    # Before it is opened nothing can be said; after it was closed it may.
    early = broker.tenant()
    early.say(CLOSE, 7)
    early.say(DATA, 7, 0, b"x")
    check(early.result(CONNECT, "127.0.0.1", port) == 0, "what comes late")
    many = broker.tenant()
    errors = [many.result(CONNECT, "127.0.0.1", port) for _ in range(12)]
    check(errors[0] == 0 and errors[-1] == EMFILE, errors)
    check(broker.tenant(9).hear() is None, "an app that there is not")
    good.say(DATA, 1, 0, b"still there")
    heard = [good.hear() for _ in range(2)]
    check({(kind, payload) for kind, _, _, payload in heard} == {(TAKEN, b""), (DATA, b"still there")}, heard)
    check(broker.process.poll() is None, "the broker goes on")
    broker.process.kill()


def check_requests(port):
    """What is no request, or another than the rule allows, does not reach the origin."""
    broker = Broker("app=a", f"allow=http://127.0.0.1:{port},GET")
    for request, answer in ((b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"403"), (b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
                            (b"CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", b"501"),
                            (b"GET /\nX: y HTTP/1.1\r\n\r\n", None), (b"GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", None), (b"GET / HTTP/1.1\r\nA: b\x00\r\n\r\n", None),
                            (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None), (b"\x16\x03\x01\x02\x00\x01", None),
                            (b"GET / HTTP/1.1\r\nA: " + b"x" * 200000, None)):
        tenant = broker.tenant()
        check(tenant.result(CONNECT, "127.0.0.1", port) == 0, "opened")
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(request), 60000):
                tenant.say(DATA, 1, 0, request[at:at + 60000])
        while (heard := tenant.hear())[0] == TAKEN:
            continue
        if answer:
            check(heard[0] == DATA and heard[3].startswith(b"HTTP/1.1 " + answer), heard)
        else:
            check(heard[0] == FAILED and heard[2] == EPROTO, (request[:60], heard))
    for why in ("the method POST is not allowed", "GET http://169.254.169.254/ names no path", "an upgrade to another protocol needs a rule tcp://"):
        until(lambda: why in broker.said, why)
    broker.process.kill()


with echo() as (port, came):
    check_addresses(port, came)
    check_frames(port)
for check_unreached in (check_rebinding, check_requests):
    with echo() as (port, came):
        check_unreached(port)
        check(came == [], "nobody came")
