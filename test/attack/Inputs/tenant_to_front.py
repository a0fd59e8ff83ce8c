"""tenant_to_front.py MISBEHAVING.aotc SPINNING-AT-START.aotc: workers that keep the front waiting, or busy. Another app is served all
the while."""
import contextlib
import signal
import subprocess
import sys

from harness import BIN, check, connect, reset, until
from node import get, node

evil, spinning = sys.argv[1:]
SPIN, SLEEP, ANSWER, READY, CONSUMED, PONG, EMPTY, STREAM, FLOOD, LINGER, LOG, LINES, BAD_LOG, FRAMES, GO_ON, TALK_ON, ALL_GO_ON, ONWARD, TAKEN = range(1, 20)
APPS = [f"evil={evil}", f"good={evil}"], "--route", "evil.example=evil", "--route", "/=good", "--workers", "1", "--deadline", "500ms", \
    "--timeout", "1s"


def good(n, count=1):
    for _ in range(count):
        check(get(n.port, "/")[0] == 200, "the other app is served")


def stream(n, way):
    client = connect(n.port)
    client.sendall(f"GET /?{way} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
    check(client.recv(100).startswith(b"HTTP/1.1 200"), "it begins")
    reset(client)


with node(*APPS) as n:
    ends = 0
    # A worker that does not come back is noticed from outside: its client gets an answer, its process is ended.
    for way, why in ((SPIN, "its worker does not answer"), (SLEEP, "its worker does not answer"), (ANSWER, "a request is not over")):
        with connect(n.port) as client:
            client.sendall(f"GET /?{way} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode())
            n.wait_metric('aotc_instances.*"evil"', 1)
            good(n, 20)
            check(client.recv(100).startswith(b"HTTP/1.1 504"), f"the client of {way} is answered")
        ends += 1
        n.wait_log(f"its process is ended: {why}", way == SLEEP)
        n.wait_metric('kills_total.*"evil".*"stuck"', ends)
        n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2 + ends, "it is back")
    # Also when its client does not wait for it: it would count among those that run for ever.
    client = connect(n.port)
    client.sendall(f"GET /?{ANSWER} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
    n.wait_log("answers", 1)
    reset(client)
    ends += 1
    n.wait_log("its process is ended: a request is not over though its client has left")
    n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2 + ends, "it is back")
    n.wait_metric('aotc_instances.*"evil"', 0)
    # One that sends what a worker never does is ended at once.
    for way in (READY, CONSUMED, PONG, EMPTY, BAD_LOG, ONWARD, TAKEN):
        check(get(n.port, f"/?{way}", "evil.example")[0] == 502, f"{way} is answered")
        ends += 1
        n.wait_log("its process is ended: its worker sends what makes no sense", ends - 5)
        n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2 + ends, "it is back")
        good(n)
    # So is one that goes on answering nobody, for longer than it could not know.
    stream(n, FLOOD)
    ends += 1
    n.wait_log("its process is ended: its worker sends what makes no sense", ends - 5)
    n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2 + ends, "it is back")
    check(n.metric('restarts_total.*"evil"') == ends and n.metric('restarts_total.*"good"') == 0, "restarts")

# One that has nothing left to do, since another release has taken over, and does not go.
with node(*APPS) as n:
    check(get(n.port, f"/?{LINGER}", "evil.example")[0] == 200, "it has answered")
    n.process.send_signal(signal.SIGHUP)
    n.wait_log("its process is ended: it does not end by itself")
    until(lambda: len(n.tenants()) == 2, "it is gone")
    check(n.metric("restarts_total") == 0, "nobody misses it")

# One that has answered, but says that its programs go on: for ever, talking to clients who are gone, or all of them.
with node(*APPS) as n:
    for count, (way, times, why) in enumerate(((GO_ON, 1, "a program goes on for too long after its response"),
                                               (TALK_ON, 1, "its worker sends what makes no sense"),
                                               (ALL_GO_ON, 64, "its worker sends what makes no sense")), 1):
        for _ in range(times):
            check(get(n.port, f"/?{way}", "evil.example")[0] == 200, f"{way} is answered")
        if way != TALK_ON:
            check(n.metric('going_on.*"evil"') == times, f"{way}: they go on")
        if way == ALL_GO_ON:
            check(get(n.port, f"/?{way}", "evil.example")[0] == 200, "one too many")
        n.wait_log(f"its process is ended: {why}", way == ALL_GO_ON)
        n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2 + count, "it is back")
        check(n.metric('going_on.*"evil"') == 0, "none is left")
        good(n)

# What may be, but a great deal of it, costs the front no more than a share: it stops listening for a while.
def held_back(n, what, counted, most):
    count = lambda: (n.metric(f'{counted}.*"evil"'), n.metric(f'held_back_total.*"evil".*"{what}"'))
    until(lambda: good(n) or count()[1] >= 1, f"{what}: held back")
    before, times = count()
    until(lambda: good(n) or count()[1] >= times + 2, f"{what}: again and again")
    after, again = count()
    check(0 < after - before <= most * (again - times + 2), f"{what}: {after}, {before} before, {again - times} times held back since")


with node(*APPS) as n:
    stream(n, STREAM)
    held_back(n, "frames", "frames_total", 16384)
    check(n.metric('restarts_total.*"evil"') == 0, "that alone is no reason to end it")
for way, what in ((LOG, "log"), (LINES, "log"), (FRAMES, "frames")):
    with node(*APPS, "--deadline", "60s") as n:
        client = connect(n.port)
        client.sendall(f"GET /?{way} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
        held_back(n, what, "log_bytes_total", 17 << 20)
        check(sum(line.get("source") == "program" for line in n.lines) <= 200 * 60, "few lines are kept")
        reset(client)  # or the node would wait for it when it drains

# One that reads nothing, and clients that post bodies to it: what it does not take is held within the budget, and nobody else hears of it.
def largest(n):
    with open(f"/proc/{n.front()}/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


BUDGET, BODIES = 8 << 20, 400
with node(*APPS, "--deadline", "60s", "--front-memory", str(BUDGET), "--max-per-address", "1000") as n:
    good(n, 20)
    before = largest(n)
    clients = [connect(n.port)]
    clients[0].sendall(f"GET /?{SLEEP} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
    n.wait_metric('aotc_instances.*"evil"', 1)
    closed = lambda: n.metric('clients_closed_total.*"memory"')
    for _ in range(BODIES):
        clients.append(connect(n.port))
        with contextlib.suppress(ConnectionError):
            clients[-1].sendall(b"POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000000\r\n\r\n" + bytes(300000))
    until(lambda: closed() >= BODIES * 3 / 4, "most have gone")
    good(n, 20)
    check(largest(n) - before < 3 * BUDGET, f"{largest(n)} bytes of memory, {before} before")
    check(n.metric('restarts_total') == 0, "it is the same process")
    for client in clients:
        reset(client)  # or the node would wait for them when it drains

# One that never gets ready does not keep the node waiting, either.
result = subprocess.run([f"{BIN}/aotc-node", "serve", "--listen", "127.0.0.1:0", "--app", f"a={spinning}", "--start-timeout", "1s"],
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
check(result.returncode == 1 and "its process is ended: it is not ready after 1 seconds" in result.stdout, result)
