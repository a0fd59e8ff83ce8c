"""operations.py ARTIFACT"""
import os
import shutil
import signal
import sys

from harness import check, connect, read_all, until
from node import Node, get, node

artifact = sys.argv[1]


def status_of(pid, field):
    with open(f"/proc/{pid}/status") as file:
        return next(line.split()[1] for line in file if line.startswith(field + ":"))


def maps(pid):
    with open(f"/proc/{pid}/maps") as file:
        return file.read()


def refuses(port):
    try:
        connect(port).close()
        return False
    except ConnectionRefusedError:
        return True


def started(n, count):
    n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) >= count, f"{count} times ready")


with node([f"one={artifact}", f"two={artifact}"], "--route", "one.example=one", "--route", "/two=two", "--route", "/two/three=one") as n:
    # Routes: the host, or the longest path; the path is passed on as it is.
    def served_by(target, host):
        before = n.metric('requests_total.*app="one"'), n.metric('requests_total.*app="two"')
        code = get(n.port, target, host)[0]
        after = n.metric('requests_total.*app="one"'), n.metric('requests_total.*app="two"')
        return code, after[0] - before[0], after[1] - before[1]

    check(served_by("/hello", "one.example:80") == (200, 1, 0), "by host")
    check(served_by("/two", "other") == (404, 0, 1), "by path")
    check(served_by("/two/three", "other") == (404, 1, 0), "by the longer path")
    check(served_by("/twoish", "other") == (404, 0, 0), "not by half a path")
    check(get(n.admin, "/healthz") == (200, b"ok\n"), "healthy")
    check(get(n.admin, "/two")[0] == 404 and n.metric('requests_total.*app="two"') == 1, "no app for the operator")

    # Processes: filtered, without privileges or ways to get them, and only they have the artifact.
    tenants = n.tenants()
    check(len(tenants) == 2, "a process per app")
    users = {status_of(pid, "Uid") for pid in (n.process.pid, n.front(), *tenants)}
    check(len(users) == (4 if os.geteuid() == 0 else 1), "a user per process, when there can be")
    filters = {kind: int(status_of(pid, "Seccomp_filters")) - int(status_of("self", "Seccomp_filters"))
               for kind, pid in (("supervisor", n.process.pid), ("front", n.front()), ("tenant", tenants[0]))}
    check(filters == {"supervisor": 1, "front": 3, "tenant": 3}, filters)
    for pid in (n.front(), *tenants):
        check(status_of(pid, "Seccomp") == "2" and status_of(pid, "NoNewPrivs") == "1", "seccomp")
        for thread in os.listdir(f"/proc/{pid}/task"):
            check(status_of(f"{pid}/task/{thread}", "Seccomp_filters") == status_of(pid, "Seccomp_filters"), "for every thread")
    for pid in tenants:
        check(artifact in maps(pid), "the tenant maps the artifact")
        check(all(os.readlink(f"/proc/{pid}/fd/{fd}").startswith(("socket:", "pipe:", "anon_inode:", "/dev/null", "/memfd:aotc-image", "/proc/", artifact))
                  for fd in os.listdir(f"/proc/{pid}/fd")), "no other descriptor")
    check(artifact not in maps(n.process.pid) + maps(n.front()), "the supervisor and the front map none")

    # One that dies takes its own requests with it, no others, and comes back.
    with connect(n.port) as own, connect(n.port) as other:
        own.sendall(b"GET /stuck HTTP/1.1\r\nHost: one.example\r\nConnection: close\r\n\r\n")
        n.wait_metric('aotc_instances.*"one"', 1)
        other.sendall(b"GET /sleep?ms=300 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".replace(b"/sleep", b"/two"))
        os.kill(tenants[0], signal.SIGKILL)
        check(read_all(own).startswith(b"HTTP/1.1 502"), "a request of the one that died")
        check(read_all(other).startswith(b"HTTP/1.1 404"), "a request of the other")
    started(n, 3)
    check(get(n.port, "/count", "one.example") == (200, b"request 1 of this instance\n"), "it is back")
    check(n.metric('restarts_total.*"one"') == 1 and n.metric('restarts_total.*"two"') == 0, "one restart")

# What the operator looks at is nobody else's, whether he looks or not: the paths are the app's.
for admin in (True, False):
    with node([f"one={artifact}"], admin=admin) as n:
        for path in ("/metrics", "/healthz"):
            check(get(n.port, path) == (404, b"404 page not found\n"), f"{path} is the app's")

copy = artifact + ".copy"
shutil.copy(artifact, copy)
with node([f"one={copy}"]) as n:
    # A reload of something that is no artifact changes nothing.
    with open(copy + ".new", "w") as file:
        file.write("not an artifact")
    os.replace(copy + ".new", copy)
    served = n.tenants()
    n.process.send_signal(signal.SIGHUP)
    n.wait_log("its process ended: exit code 1")
    check(get(n.port, "/hello")[0] == 200 and n.tenants() == served, "the old one serves on")

with node([f"one={artifact}"]) as n:
    # Reload: the old process finishes what it has, the new one takes what comes.
    old = n.tenants()
    with connect(n.port) as running:
        running.sendall(b"GET /sleep?ms=500 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        n.wait_metric("aotc_instances", 1)
        n.process.send_signal(signal.SIGHUP)
        started(n, 2)
        check(set(n.tenants()) != set(old), "a new process")
        check(get(n.port, "/count")[0] == 200, "served by it")
        check(read_all(running).endswith(b"slept\n"), "a request that began before the reload")
    # Drain: what runs is finished, nobody new is let in.
    with connect(n.port) as running, connect(n.port) as idle:
        running.sendall(b"GET /sleep?ms=500 HTTP/1.1\r\nHost: x\r\n\r\n")
        n.wait_metric("aotc_instances", 1)
        n.process.send_signal(signal.SIGTERM)
        n.wait_log("draining")
        until(lambda: refuses(n.admin), "the operator's listener is closed")
        check(read_all(idle) == b"", "an idle connection is closed")
        check(read_all(running).endswith(b"slept\n"), "a request that began before the drain")
        n.wait_log("stopped")


def gone(pid):
    try:
        return status_of(pid, "State") == "Z"
    except FileNotFoundError:
        return True


with node([f"one={artifact}"]) as n:
    # A front that ends takes the tenants along, and another one takes over what was listened on: nobody is refused.
    check(get(n.port, "/count")[0] == 200, "it serves")
    front, tenants = n.front(), n.tenants()
    os.kill(front, signal.SIGKILL)
    n.wait_log("the front ended: signal 9")
    started(n, 2)
    check(n.front() != front and not set(n.tenants()) & set(tenants), "new processes")
    check(get(n.port, "/count") == (200, b"request 1 of this instance\n"), "it serves again")
    check(get(n.admin, "/healthz") == (200, b"ok\n"), "healthy")

# Without a supervisor there is no node.
n = Node([f"one={artifact}"])
others = [n.front(), *n.tenants()]
n.process.kill()
n.process.wait()
until(lambda: all(gone(pid) for pid in others), "all processes end with the supervisor")
