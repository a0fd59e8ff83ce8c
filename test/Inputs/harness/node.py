"""A running aotc-node on free ports, its log and metrics. AOTC_NODE is its command, if it is another than the one just built."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading

from harness import BIN, PATIENCE, talk, until


class Node:
    """A running `aotc-node serve`; apps is a list of "NAME=ARTIFACT". Without `up` they are not waited for. With a `file`
    it has all options from there, listen and admin at least."""

    def __init__(self, apps, *options, up=True, admin=True, file=None):
        command = [os.environ.get("AOTC_NODE", f"{BIN}/aotc-node"), "serve"]
        command += ["--file", file] if file else ["--listen", "127.0.0.1:0"] + ["--admin", "127.0.0.1:0"] * admin
        for app in apps:
            command += ["--app", app]
        self.process = subprocess.Popen(command + list(options), stderr=subprocess.PIPE, text=True)
        self.lines, self.arrived = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        ports = [int(self.wait_log("listening on ", i)["message"].rsplit(":", 1)[1]) for i in range(1 + admin)]
        self.port, self.admin = ports if admin else (ports[0], None)
        for app in apps if up else ():
            self.wait_for(lambda: sum(line["message"] == "ready" for line in self.lines) >= len(apps), "all apps ready")

    def _read(self):
        for line in self.process.stderr:
            with self.arrived:
                self.lines.append(json.loads(line))
                self.arrived.notify_all()
        with self.arrived:
            self.arrived.notify_all()

    def wait_for(self, condition, what):
        with self.arrived:
            if not self.arrived.wait_for(condition, PATIENCE):
                raise SystemExit(f"never seen: {what}; log: {self.lines}")

    def wait_log(self, text, skip=0):
        """The log line number `skip` whose message contains `text`."""
        matching = lambda: [line for line in self.lines if text in line["message"]]
        self.wait_for(lambda: len(matching()) > skip, text)
        return matching()[skip]

    def metric(self, pattern):
        """The sum of the samples whose line matches."""
        text = talk(self.admin, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.split("\r\n\r\n", 1)[1].splitlines()
                   if not line.startswith("#") and re.search(pattern, line))

    def wait_metric(self, pattern, value):
        until(lambda: self.metric(pattern) == value, f"{pattern} {value}")

    def front(self):
        """Process id of the front."""
        return self.tenants("--front")[0]

    def broker(self):
        """Process id of the broker."""
        return next(pid for pid in self._children() if self._words(pid)[:1] == [b"aotc-broker"])

    def tenants(self, kind="--tenant"):
        """Process ids of the tenants, or of other processes of the node."""
        return [pid for pid in self._children() if self._words(pid)[1:2] == [kind.encode()]]

    def _children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return [int(word) for word in file.read().split()]

    def kill(self, kind="--tenant"):
        """Ends these processes, but for those that have just ended by themselves."""
        for pid in self.tenants(kind):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _words(self, pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")
        return []

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        if code != 0:
            raise SystemExit(f"aotc-node: exit code {code}; log: {self.lines}")


@contextlib.contextmanager
def node(apps, *options, up=True, admin=True, file=None):
    running = Node(apps, *options, up=up, admin=admin, file=file)
    try:
        yield running
        running.stop()
    except BaseException:
        for line in running.lines[-30:]:
            print(json.dumps(line), file=sys.stderr)
        raise
    finally:
        running.process.kill()
        running.process.wait()


def get(port, target, host="x", body=None):
    """(status, body) of one request."""
    method = "GET" if body is None else "POST"
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    answer = talk(port, f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{length}\r\n".encode() + (body or b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    if not head:
        return 0, b""
    return int(head.split()[1]), rest
