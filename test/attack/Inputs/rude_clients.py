"""rude_clients.py ARTIFACT: clients that leave, wait or trickle, wherever they are in an exchange: each ends within its limit,
is counted under its reason, and leaves nothing behind.
"""
import contextlib
import socket
import sys
import threading

from harness import PATIENCE, check, read_all, reset, until
from node import node

APP = f"site={sys.argv[1]}"
UPLOAD = b"POST /digest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
EXPECTANT = UPLOAD + b"Expect: 100-continue\r\n\r\n"
HALF_A_HEADER = b"GET / HTTP/1.1\r\nHost:"
PART, HALF_A_CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n", b"64\r\nabc"
FEW = UPLOAD + b"\r\n" + PART + HALF_A_CHUNK
MUCH = UPLOAD + b"\r\n" + PART * 5 + HALF_A_CHUNK  # more than the front keeps before it takes an instance
STUCK, BIG = (b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n" for target in (b"/stuck", b"/big?n=50000000"))
REASONS = ("done", "aborted", "idle", "slow_header", "slow_body", "slow_response", "address", "full", "memory")


def connect(n, data):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(PATIENCE)
    connection.connect(("127.0.0.1", n.port))
    connection.sendall(data)
    return connection


def counts(n):
    return {reason: n.metric(f'clients_closed_total.*reason="{reason}"') for reason in REASONS}


def closed_since(n, before):
    return {key: value - before[key] for key, value in counts(n).items() if value != before[key]}


# --- Those who leave. No limit on time is near.

def leave(connection):
    connection.close()


def send_no_more(connection):
    connection.shutdown(socket.SHUT_WR)
    check(read_all(connection) == b"", "no answer to half a request")


# what is sent, instances that this takes, what the client does then, how it is counted
LEAVING = {
    "nothing, and leaves": (b"", 0, leave, "done"),
    "half a header, and leaves": (HALF_A_HEADER, 0, leave, "aborted"),
    "half a header, and no more": (HALF_A_HEADER, 0, send_no_more, "aborted"),
    "an expectation, and leaves": (EXPECTANT, 1, leave, "aborted"),
    **{f"{size} chunks, and {name}": (data, instances, end, "aborted")
       for size, data, instances in (("few", FEW, 0), ("many", MUCH, 1))
       for name, end in (("resets", reset), ("leaves", leave), ("no more", send_no_more))},
    "a request, and resets": (STUCK, 1, reset, "aborted"),
    "a request, and resets in its response": (BIG, 1, reset, "aborted"),
}

with node([APP], "--grace", "1h", "--idle-timeout", "1h", "--timeout", "1h", "--deadline", "20s") as n:
    for name, (data, instances, end, reason) in LEAVING.items():
        before = counts(n)
        connection = connect(n, data)
        n.wait_metric("aotc_clients ", 1)
        n.wait_metric("aotc_instances", instances)
        end(connection)
        until(lambda: n.metric("aotc_clients ") == n.metric("aotc_client_bytes") == n.metric("aotc_instances") == 0,
              f"{name}: nothing is left")
        check(closed_since(n, before) == {reason: 1}, f"{name}: {closed_since(n, before)}, not {reason}")


# --- Those who stay, and are too slow.

def wait(connection, ended):
    read_all(connection)


def trickle(connection, ended):
    with contextlib.suppress(OSError):
        while not ended.wait(0.05):
            connection.sendall(b"x")


def read_nothing(connection, ended):
    ended.wait()


def sip(connection, ended):
    with contextlib.suppress(ConnectionError):
        while connection.recv(1) and not ended.wait(0.02):
            pass


# how it is counted: what is sent, instances that this takes, what the client does then
SLOW = {
    "idle": [(b"", 0, wait)],
    "slow_header": [(HALF_A_HEADER, 0, wait), (HALF_A_HEADER, 0, trickle)],
    "slow_body": [(data, instances, end) for data, instances in ((EXPECTANT, 1), (FEW, 0), (MUCH, 1)) for end in (wait, trickle)],
    "slow_response": [(BIG, 1, end) for end in (read_nothing, sip, trickle)],
}

with node([APP], "--min-rate", "10K", "--grace", "1s", "--idle-timeout", "1s", "--timeout", "1h", "--deadline", "20s") as n:
    # Who has nothing to send and nothing to take is not slow, however long it lasts.
    polling, streaming = connect(n, STUCK), connect(n, STUCK.replace(b"stuck", b"hold"))
    received = b""
    while not (received.count(b"0123456789abcdef") == 256 and received.endswith(b"\r\n")):
        received += streaming.recv(65536)
    n.wait_metric("aotc_instances", 2)
    for reason, clients in SLOW.items():
        before, cancelled = counts(n), n.metric('requests_total.*code="0"')
        ended = threading.Event()
        connections = [connect(n, data) for data, _, _ in clients]
        threads = [threading.Thread(target=end, args=(connection, ended)) for connection, (_, _, end) in zip(connections, clients)]
        for thread in threads:
            thread.start()
        until(lambda: closed_since(n, before) == {reason: len(clients)}, f"all {reason}, but {closed_since(n, before)}")
        until(lambda: n.metric("aotc_instances") == 2 and n.metric("aotc_clients ") == 2, f"{reason}: nothing is left")
        check(n.metric('requests_total.*code="0"') - cancelled == sum(instances for _, instances, _ in clients),
              f"{reason}: the instances that they had")
        ended.set()
        for thread, connection in zip(threads, connections):
            thread.join()
            connection.close()
    for connection in (polling, streaming):
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            check(connection.recv(1) == b"never", "the connection of who waits")
        reset(connection)
    until(lambda: n.metric("aotc_clients ") == n.metric("aotc_client_bytes") == n.metric("aotc_instances") == 0, "nothing is left")
