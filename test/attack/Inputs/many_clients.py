"""many_clients.py ARTIFACT: whoever has many connections, or keeps many bytes waiting, does not keep others out. Nobody is timed:
the limits on time are so long that only those on places and bytes can work.
"""
import contextlib
import resource
import socket
import sys

from harness import PATIENCE, check, read_all, reset, until
from node import node

APP = f"site={sys.argv[1]}"
PATIENT = ("--grace", "1h", "--idle-timeout", "1h", "--timeout", "1h", "--deadline", "20s")
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


everybody = []


@contextlib.contextmanager
def patient_node(*options):
    """When it is to stop all clients have left."""
    with node([APP], *PATIENT, *options) as running:
        yield running
        while everybody:
            reset(everybody.pop())


def connect(n, address, data=b"", buffer=0):
    connection = socket.socket()
    everybody.append(connection)
    connection.settimeout(PATIENCE)
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.bind((address, 0))
    connection.connect(("127.0.0.1", n.port))
    with contextlib.suppress(ConnectionError):
        connection.sendall(data)
    return connection


def request(target, more=b""):
    return b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n"


def served(n, address, data=request(b"/hello", b"Connection: close\r\n")):
    with connect(n, address, data) as connection:
        return read_all(connection).startswith(b"HTTP/1.1 200")


def closed(n, reason):
    return n.metric(f'clients_closed_total.*reason="{reason}"')


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


# One address, and 1500 clients that begin a request: it has its share, the others have theirs.
with patient_node("--max-clients", "1000") as n:
    slow = [connect(n, "127.0.0.2", b"G") for _ in range(1500)]
    until(lambda: closed(n, "address") == 1500 - 31, "all above the share are refused")
    check(served(n, "127.0.0.3"), "a client from another address")
    check(n.metric("aotc_clients ") == 31 and not served(n, "127.0.0.2"), "the share is taken")
    next(one for one in slow if is_open(one)).close()  # of two loops each takes its own first
    until(lambda: n.metric("aotc_clients ") == 30, "one has left")
    check(served(n, "127.0.0.2"), "a client in its place")
    for connection in slow:
        connection.close()
    until(lambda: n.metric("aotc_clients ") == 0, "all have left")

# Of a proxy's network there may be as many as there are places.
with patient_node("--max-clients", "1000", "--max-per-address", "2", "--shared-address", "127.0.1.0/24") as n:
    for i in range(50):
        connect(n, "127.0.1.9", b"G")
        connect(n, "127.0.2.9", b"G")
    until(lambda: closed(n, "address") == 48, "those of the other network")
    check(n.metric("aotc_clients ") == 52, "those of the network, and two")

# All places are taken: whoever was idle or slow for longest goes, and not who waits for his answer. Of one loop's clients,
# so here of all.
with patient_node("--max-clients", "16", "--max-per-address", "16", "--loops", "1") as n:
    waiting = connect(n, "127.0.0.2", request(b"/stuck"))
    n.wait_metric("aotc_instances", 1)
    taken = [connect(n, "127.0.0.2", request(b"/hello"))]
    check(taken[0].recv(65536).startswith(b"HTTP/1.1 200"), "a client that stays")
    for i in range(14):
        taken.append(connect(n, f"127.0.1.{i}", b"G"))
        n.wait_metric("aotc_clients ", 3 + i)
    honest = []
    for i in range(3):
        honest.append(connect(n, "127.0.0.3", request(b"/hello")))
        check(honest[-1].recv(65536).startswith(b"HTTP/1.1 200"), "a client that comes when there is no place")
    check([is_open(connection) for connection in taken] == [False] * 3 + [True] * 12, "the first three went")
    check(is_open(waiting) and closed(n, "full") == 3, "nobody else")
    check(n.metric("aotc_clients ") == 16 and n.metric("aotc_instances") == 1, "all places are taken")
    check(n.metric("aotc_requests_total") == 4, "the operator has places of his own")

# From many addresses: uploads that stop before they are complete. Together they hold no more than the budget.
UPLOAD = b"POST /digest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
with patient_node("--front-memory", "4M", "--loops", "1") as n:
    small = connect(n, "127.0.0.2", b"G")
    held = []
    for i in range(200):
        held.append(connect(n, f"127.1.{i // 5}.1", UPLOAD % 1000000 + b"x" * 200000))
        if i % 10 == 0:
            check(n.metric("aotc_client_bytes") <= 4 << 20, "the budget")
    until(lambda: closed(n, "memory") >= 180, "most have gone")
    check(n.metric("aotc_client_bytes") <= 4 << 20 and n.metric("aotc_clients ") > 5, "the budget, which is used")
    check(is_open(held[-1]) and not is_open(held[0]), "the first went first")
    check(served(n, "127.0.0.3", UPLOAD % 200000 + b"x" * 200000), "a client that sends all")
    check(is_open(small), "who holds little holds nobody up")

# Responses that nobody takes: no more of them are made than there is room for, however many were asked for at once.
with patient_node() as n:
    connect(n, "127.0.0.2", request(b"/big?n=200000") * 500, buffer=4096)
    until(lambda: n.metric("aotc_requests_total") > 0 and n.metric("aotc_instances") == 0, "some answers")
    check(served(n, "127.0.0.3"), "another client")
    check(n.metric("aotc_requests_total") < 100, "no answers that have no room")
    check(n.metric("aotc_client_bytes") < 2 << 20, "no bytes, either")

# A response larger than all buffers, which is taken steadily, but always later than it is made.
with patient_node() as n:
    late = connect(n, "127.0.0.2", request(b"/big?n=30000000", b"Connection: close\r\n"), buffer=4096)
    size = largest = 0
    while piece := late.recv(1 << 16):
        size += len(piece)
        if size // 1000000 != (size - len(piece)) // 1000000:
            largest = max(largest, n.metric("aotc_client_bytes"))
    check(size > 30000000 and largest < 2 << 20, f"{largest} bytes for {size}")
