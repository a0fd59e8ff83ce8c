"""A broker by itself, and workers of tenants that say to it what they like: frames of aotc/outbound.h, requests of aotc/kv.h."""
import resource
import socket
import struct
import subprocess

from harness import BIN, check

OPEN, CLOSE, OPENED, FAILED, DATA, END, TAKEN = range(1, 8)
KV, GET, PUT, DELETE, LIST, ADD = 4, 1, 2, 3, 4, 5
OK, NOT_THERE, CONFLICT, FULL, WRONG, BROKEN, NO_NUMBER = range(7)
EPROTO, EOPNOTSUPP, EMFILE, ANY = 71, 95, 24, (1 << 64) - 1
MAX_KEY, MAX_VALUE, WINDOW = 480, 128 << 10, 256 << 10


class Broker:
    def __init__(self, *words, log=None):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # However many requests come at once, they take no more of its stack.
        self.process = subprocess.Popen([f"{BIN}/aotc-broker", *words], stdin=theirs, stderr=log,
                                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, 512 << 10)))
        theirs.close()
        self.tenants = []

    def tenant(self, app):
        self.tenants.append(Tenant(self, app))
        return self.tenants[-1]

    def end(self):
        for tenant in self.tenants:
            tenant.socket.close()
        self.socket.close()
        check(self.process.wait(60) == 0, "the broker's exit code")


class Tenant:
    """A worker's end of a channel, with one stream to the store at a time."""

    def __init__(self, broker, app):
        self.socket, theirs = socket.socketpair()
        socket.send_fds(broker.socket, [struct.pack("<I", app)], [theirs.fileno()])
        theirs.close()
        self.socket.settimeout(60)
        self.stream, self.data, self.opened = 0, b"", False

    def frame(self, kind, value=0, payload=b""):
        self.socket.sendall(struct.pack("<IIII", len(payload), self.stream, kind, value) + payload)

    def open(self, name=b"kv"):
        self.stream += 1
        self.data = b""
        self.frame(OPEN, KV, name)

    def hear(self):
        """(kind, value, payload) of this stream; None when the channel is over."""
        while head := self.take(16):
            size, stream, kind, value = struct.unpack("<IIII", head)
            payload = self.take(size) if size else b""
            if stream == self.stream:
                return kind, value, payload
        return None

    def take(self, size):
        got = b""
        while len(got) < size:
            try:
                more = self.socket.recv(size - len(got))
            except ConnectionError:
                return None
            if not more:
                return None
            got += more
        return got

    def say(self, bytes_):
        for at in range(0, len(bytes_), 60000):
            self.frame(DATA, 0, bytes_[at:at + 60000])

    def answer(self):
        """(status, version, bytes); an errno when the stream is over; None when the channel is."""
        while len(self.data) < 24 or len(self.data) < 24 + struct.unpack("<I", self.data[:4])[0]:
            heard = self.hear()
            if heard is None:
                return None
            kind, value, payload = heard
            if kind == FAILED:
                return value
            if kind == DATA:
                self.data += payload
                self.frame(TAKEN, len(payload))
        size, status, version, _ = struct.unpack("<IIQQ", self.data[:24])
        value, self.data = self.data[24:24 + size], self.data[24 + size:]
        return status, version, value

    def ask(self, operation, key=b"", value=b"", version=ANY, number=0, size=None, key_size=None):
        self.say(struct.pack("<IHHQQ", len(key) + len(value) if size is None else size, operation, len(key) if key_size is None else key_size,
                             version, number) + key + value)
        return self.answer()
