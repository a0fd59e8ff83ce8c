"""loops.py ARTIFACT: a front of four loops, whose clients the kernel deals out; see ../loops.test"""
import os
import signal
import sys
import threading

from harness import check, connect, until
from node import get, node

APP, LOOPS = [f"site={sys.argv[1]}"], ("--loops", "4", "--workers", "2")
CLIENTS = 64  # that all are with one loop is as good as impossible


def ask(client, target="/hello"):
    client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client.recv(1000)


def served_by(n):
    """Sockets that each thread of the front waits for, as the kernel lists them, of the four that wait for most."""
    fdinfo = f"/proc/{n.front()}/fdinfo"
    counts = []
    for number in os.listdir(fdinfo):
        with open(f"{fdinfo}/{number}") as file:
            counts.append(file.read().count("tfd:"))
    return sorted(counts)[-4:]


with node(APP, *LOOPS, "--deadline", "1s") as n:
    check(len(os.listdir(f"/proc/{n.front()}/task")) == 4, "a thread for each loop")
    idle = served_by(n)
    clients = [connect(n.port) for _ in range(CLIENTS)]
    check(all(ask(client).startswith(b"HTTP/1.1 200") for client in clients), "all are served")
    busy = served_by(n)
    check(all(now > before for now, before in zip(busy, idle)), f"by all loops: {idle} {busy}")
    check(n.metric("^aotc_requests_total.*200") == CLIENTS and n.metric("^aotc_run_seconds_count") == CLIENTS, "counted together")
    check(n.metric("^aotc_clients ") == CLIENTS, "so are the clients")

    # A reload that one loop has heard of and the next has not loses nothing.
    done, failed = threading.Event(), []

    def go_on(mine):
        while not done.is_set():
            failed.extend(client for client in mine if not ask(client).startswith(b"HTTP/1.1 200"))

    threads = [threading.Thread(target=go_on, args=(clients[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for i in range(3):
        n.process.send_signal(signal.SIGHUP)
        n.wait_log("ready", i + 1)
    done.set()
    for thread in threads:
        thread.join()
    check(not failed, "every request is answered while processes change")
    until(lambda: len(n.tenants()) == 1, "the old processes have ended")
    # A process that ends takes the requests of all loops with it, and gives back their places.
    for client in clients:
        client.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        check(client.recv(100).startswith(b"HTTP/1.1 200"), "has begun")
    check(n.metric("^aotc_instances") == CLIENTS, "an instance for each")
    n.kill()
    for client in clients:
        while client.recv(1000):
            continue
    n.wait_log("ready", 4)
    check(n.metric("^aotc_instances") == 0, "none is left")

with node(APP, *LOOPS, "--max-concurrency", "5", "--max-per-address", "20") as n:
    clients = [connect(n.port) for _ in range(20)]
    for client in clients:
        client.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    answers = [client.recv(12) for client in clients]
    check(answers.count(b"HTTP/1.1 200") == 5 and answers.count(b"HTTP/1.1 503") == 15, f"--max-concurrency is everybody's: {answers}")
    over = [connect(n.port) for _ in range(12)]
    until(lambda: n.metric('reason="address"') == 12, "--max-per-address is, too")
    for client in clients + over:
        client.close()
    until(lambda: n.metric("^aotc_clients ") == 0, "all have left")
    check(get(n.port, "/hello")[0] == 200, "there is room again")

with node(APP, *LOOPS, "--front-memory", "2M", "--max-body", "1M") as n:
    # Each holds less than its loop may alone.
    clients = [connect(n.port) for _ in range(32)]
    for client in clients:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + bytes(200_000))
    until(lambda: n.metric('reason="memory"') > 0, "--front-memory is everybody's")
    until(lambda: n.metric("^aotc_client_bytes ") <= 2 << 20, "and held")
