"""reload.py ARTIFACT FOLDER"""
import http.client
import itertools
import os
import signal
import socket
import sys
import threading

from harness import Authority, check, connect, fresh_folder, read_all, until
from node import get, node

artifact = sys.argv.pop(1)
folder = fresh_folder()
path = f"{folder}/node.yaml"


def write(text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


class Clients:
    """Threads that ask one after the other, each on a connection that it keeps; `wrong` is all that is no 200."""

    def __init__(self, port, host, count):
        self.port, self.host, self.stop, self.done, self.wrong = port, host, threading.Event(), itertools.count(), []
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            while not self.stop.is_set():
                connection.request("GET", "/hello", headers={"Host": self.host})
                response = connection.getresponse()
                body = response.read()
                next(self.done)
                if response.status != 200:
                    self.wrong.append((response.status, body))
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(repr(error))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        asked = next(self.done)
        check(self.wrong == [] and asked > 50, (self.host, asked, self.wrong[:5]))


def served_by(host, target="/count"):
    return get(n.port, target, host)[0]


def reload(text, message):
    seen = sum(message in line["message"] for line in n.lines)
    write(text)
    n.process.send_signal(signal.SIGHUP)
    return n.wait_log(message, seen)


head = "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: 2\nloops: 2\ndeadline: 10s\n"
one = f"  one: {{artifact: {artifact}, route: one.example}}\n"
two = f"  two: {{artifact: {artifact}, route: two.example}}\n"


def node_of(text):
    write(text)
    return node([], file=path)


applied = "serves what its file says"
with node_of(head + "apps:\n" + one) as n:
    n.wait_log("ready")
    check((served_by("one.example"), served_by("two.example")) == (200, 404), "one app")

    # Added, with requests on the way; what runs goes on.
    clients = Clients(n.port, "one.example", 8)
    reload(head + "apps:\n" + one + two, applied)
    check(served_by("two.example") == 200 and len(n.tenants()) >= 2, "two apps")
    check(get(n.admin, "/healthz") == (200, b"ok\n"), "healthy")

    # Changed: its limits, and where its requests come from.
    others = Clients(n.port, "two.example", 4)
    reload(head + "apps:\n" + one + two.replace("two.example", "[two.example, /two]").replace("}", ", max-concurrency: 100, timeout: 2s}"), applied)
    check(get(n.port, "/two", "other")[0] == 404 and n.metric('requests_total.*app="two".*code="404"') == 1, "another route")
    for _ in range(3):
        reload(head + "apps:\n" + one + two, applied)
    others.end()

    # Removed: what it has begun it ends, then it is no more.
    with connect(n.port) as running:
        running.sendall(b"GET /sleep?ms=500 HTTP/1.1\r\nHost: two.example\r\nConnection: close\r\n\r\n")
        n.wait_metric('aotc_instances.*"two"', 1)
        reload(head + "apps:\n" + one, applied)
        check(served_by("two.example") == 404, "no app")
        check(read_all(running).endswith(b"slept\n"), "a request that it had")
    until(lambda: len(n.tenants()) == 1, "its process ends")
    check(n.metric('app="two"') == 0, "nothing is said of it")

    # What is wrong, or cannot change, changes nothing.
    for text, reason in ((head + "apps:\n" + one.replace("route", "rout"), ":7: apps.one.rout: no such option; did you mean route?"),
                         (head + "apps: [\n", "not YAML"),
                         (head.replace("workers: 2", "workers: 3") + "apps:\n" + one, ":3: workers: cannot change while the node serves: start it again"),
                         (head.replace("workers: 2\n", "") + "apps:\n" + one, ": workers: cannot change while the node serves: start it again"),
                         (head + "max-body: 1M\napps:\n" + one, ":6: max-body: cannot change"),
                         (head + "apps:\n" + one + "  no: {artifact: oci://r.example/a/b, trust: no.pub}\n", ": apps.no: trust: no.pub: No such file or directory"),
                         (head + "apps:\n" + one + "  big: {artifact: " + artifact + ", allow: [" + ", ".join(f"tcp://host-{i}.example:1" for i in range(4000)) + "]}\n",
                          ": apps.big: allows too much to change while the node serves")):
        served = n.tenants()
        said = reload(text, "goes on as before")
        check(said["level"] == "error" and reason in said["message"], said)
        check(n.tenants() == served and served_by("one.example") == 200, "nothing has changed")
    os.remove(path)
    n.process.send_signal(signal.SIGHUP)
    check("No such file" in n.wait_log("goes on as before", 7)["message"], "no file")

    # An app that cannot be run is said and looked for again; the others are served as the file says.
    with open(f"{folder}/bad.aotc", "w") as file:
        file.write("no artifact")
    reload(head + f"apps:\n{one.replace('one.example', 'uno.example')}  bad: {{artifact: {folder}/bad.aotc, route: bad.example}}\n", applied)
    check([served_by(host) for host in ("uno.example", "one.example", "bad.example")] == [200, 404, 503], "the rest of it")
    check(get(n.admin, "/healthz") == (200, b"ok, but not ready: bad\n"), "one bad app among good ones")
    check(get(n.admin, "/readyz") == (503, b"not ready: bad\n"), "it is not ready")
    clients.stop.set()
    reload(head + "apps:\n" + one, applied)
    check(served_by("one.example") == 200 and get(n.admin, "/readyz") == (200, b"ok\n"), "ready again")
    for thread in clients.threads:
        thread.join()

    # The operator's listener asks for the same.
    write(head + "apps:\n" + one + two)
    check(get(n.admin, "/reload")[0] == 404 and get(n.admin, "/reload", body=b"")[0] == 202, "by POST")
    until(lambda: served_by("two.example") == 200, "it is served")
    reload(head + "apps:\n" + one, applied)

    # Another front serves what the last file said.
    reload(head + "apps:\n" + one + two, applied)
    os.kill(n.front(), signal.SIGKILL)
    until(lambda: served_by("two.example") == 200, "the next front")

# Apps come and go under load, as do the rules by which they connect, and which broker knows of them.
with socket.create_server(("127.0.0.1", 0)) as listener:
    port = listener.getsockname()[1]
    with node_of(head + "apps:\n" + one) as n:
        n.wait_log("ready")
        clients = Clients(n.port, "one.example", 8)
        for i in range(4):
            reload(head + "apps:\n" + one.replace("}", f", allow: 'tcp://127.0.0.1:{port + i % 2}'}}") + two * (i % 2), applied)
        clients.end()
        check(n.metric('aotc_requests_total.*app="one".*code="5') == 0, "no request is lost")

# A node may begin without apps.
with node_of(head + "apps: {}\n") as n:
    check(served_by("one.example") == 404 and get(n.admin, "/healthz") == (200, b"ok\n"), "nothing to serve")
    reload(head + "apps:\n" + one, applied)
    check(served_by("one.example") == 200, "its first app")
    reload(head + "apps: {}\n", applied)
    check(served_by("one.example") == 404, "its last is gone")

# A key-value store is opened for the apps that there are at the start; certificates come and go.
authority = Authority(folder)
certificate = authority.file
os.rename(f"{folder}/{authority.name}.key", certificate + ".key")
tls = head.replace("admin", f"listen-tls: 127.0.0.1:0\nkv: {folder}/kv\ncertificate: {certificate}\nadmin")
os.mkdir(f"{folder}/kv")
with node_of(tls + "apps:\n" + one) as n:
    n.wait_log("ready")
    check("cannot get a key-value store" in reload(tls + "apps:\n" + one + two, "goes on as before")["message"], "a store")
    reload(tls.replace(certificate, f"[{certificate}, {certificate}]") + "apps:\n" + one, "has read its certificates")
    n.wait_log(applied)
