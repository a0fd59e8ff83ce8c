"""hostile_tls.py ARTIFACT FOLDER: clients that break TLS in many ways end their own connections, and no others."""
import errno
import random
import shutil
import socket
import ssl
import subprocess
import sys

from certificates import Authority
from harness import PATIENCE, check, until
from node import node

artifact, folder = sys.argv[1:]
shutil.rmtree(folder, ignore_errors=True)
authority = Authority(folder)
CERTIFICATE = f"{folder}/a.pem"
authority.issue(CERTIFICATE, "DNS:a.example")
random.seed(1)


def trusting():
    context = ssl.create_default_context(cafile=authority.root)
    context.check_hostname = False
    return context


def greeting(name="a.example"):
    """The first bytes of a client, and what goes on with it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = trusting().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


def connect(n, data=b""):
    connection = socket.create_connection(("127.0.0.1", n.tls), timeout=PATIENCE)
    connection.sendall(data)
    return connection


def ended(n, data):
    """Sends it, and that this is all, and hears what comes until the node closes the connection."""
    heard = b""
    with connect(n) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                heard += piece
        except OSError as error:
            check(isinstance(error, ConnectionError) or error.errno == errno.ENOTCONN, f"{error}")
    return heard


def serves(n):
    with trusting().wrap_socket(connect(n), server_hostname="a.example") as connection:
        connection.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        return connection.recv(1000).startswith(b"HTTP/1.1 200")


def record(kind, body, version=b"\x03\x01"):
    return bytes([kind]) + version + len(body).to_bytes(2, "big") + body


with node([f"site={artifact}"], "--listen-tls", "127.0.0.1:0", "--certificate", CERTIFICATE, "--grace", "1h", "--max-per-address", "2000",
          "--min-rate", "1") as n:
    n.tls = int(n.wait_log("listening on ", 1)["message"].rsplit(":", 1)[1])
    n.admin = int(n.wait_log("listening on ", 2)["message"].rsplit(":", 1)[1])
    front, hello = n.front(), greeting()
    failed = lambda: n.metric('tls_handshakes_total.*"failed"')
    # What is none: it is told so, or not, and its connection ends.
    for what, data in {"HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "zeros": bytes(1000), "an empty handshake": record(22, b""),
                       "application data first": record(23, bytes(100)), "a record of 64 KiB": record(22, bytes(65535)),
                       "an unknown version": record(22, hello[5:], b"\x09\x09"), "a message of 16 MiB": record(22, b"\x01\xff\xff\xff" + bytes(500)),
                       "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(35), "alerts": record(21, b"\x01\x00") * 100,
                       "empty records": hello + record(23, b"") * 1000}.items():
        before = failed()
        answer = ended(n, data)
        check(b"HTTP/1.1 200" not in answer, what)
        until(lambda: failed() == before + 1, f"{what} is counted")
    # Greetings that somebody has changed: some fail, some are answered, none stops the front.
    for i in range(300):
        data = bytearray(hello)
        for _ in range(random.randint(1, 8)):
            data[random.randrange(5, len(data))] = random.randrange(256)
        connection = connect(n, bytes(data))
        connection.shutdown(socket.SHUT_WR)
        connection.close()
    check(serves(n), "after changed greetings")
    # Halves of them, that are held; in pieces of a byte each they are as good as whole.
    held = [connect(n, hello[:random.randrange(1, len(hello))]) for _ in range(200)]
    check(serves(n), "beside halves of greetings")
    with connect(n) as connection:
        for byte in hello:
            connection.sendall(bytes([byte]))
        check(connection.recv(5)[0] == 22, "the server's greeting")
    # What was agreed on stays so.
    again = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{n.tls}", "-tls1_2", "-CAfile", authority.root], input="R\n",
                           capture_output=True, text=True)
    check("no renegotiation" in again.stderr, f"renegotiation: {again.stderr[-500:]}")
    # A record that was changed on its way.
    with connect(n) as plain:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = trusting().wrap_bio(incoming, outgoing, server_hostname="a.example")
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        session.write(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        data = bytearray(outgoing.read())
        data[-1] ^= 1
        plain.sendall(data)
        try:
            while plain.recv(65536):
                continue
        except ConnectionError:
            pass
    check(n.metric('requests_total.*code="200"') == 2, "it did not arrive")
    for connection in held:
        connection.close()
    until(lambda: n.metric("^aotc_clients ") == 0, "nobody is left")
    check(serves(n) and n.front() == front, "it is the same front")

# An address has so many handshakes a second, saved up over the grace; who has greeted goes on, and who says nothing has begun none.
with node([f"site={artifact}"], "--listen-tls", "127.0.0.1:0", "--certificate", CERTIFICATE, "--max-handshakes", "5", "--grace", "4s") as n:
    n.tls = int(n.wait_log("listening on ", 1)["message"].rsplit(":", 1)[1])
    n.admin = int(n.wait_log("listening on ", 2)["message"].rsplit(":", 1)[1])
    closed = lambda: n.metric('clients_closed_total.*"handshakes"')
    silent = [connect(n) for _ in range(100)]
    with trusting().wrap_socket(connect(n), server_hostname="a.example") as early:
        answered = 0
        for _ in range(100):
            try:
                answered += connect(n, hello).recv(5)[:1] == b"\x16"
            except ConnectionError:
                pass
        check(19 <= answered < 60 and closed() == 100 - answered, f"{answered} of 100, {closed()} closed")
        early.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        check(early.recv(1000).startswith(b"HTTP/1.1 200"), "who was there before")

    def again():
        try:
            return serves(n)
        except OSError:
            return False

    until(again, "one more when there was time")
    for connection in silent:
        connection.close()
# But not one that the operator says is many clients'.
with node([f"site={artifact}"], "--listen-tls", "127.0.0.1:0", "--certificate", CERTIFICATE, "--max-handshakes", "1", "--shared-address", "127.0.0.1") as n:
    n.tls = int(n.wait_log("listening on ", 1)["message"].rsplit(":", 1)[1])
    check(all(serves(n) for _ in range(30)), "a shared address")
