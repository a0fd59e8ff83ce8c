"""health.py FOLDER"""
import http.client
import json
import os
import shutil
import signal
import threading

from fleet import Images, Key
from harness import check, fresh_folder, until
from node import get, node
from registry_of_lies import Registry
from versions import version

folder = fresh_folder()
one, two = version(folder, "one"), version(folder, "two")
path, artifact = f"{folder}/node.yaml", f"{folder}/site.aotc"
REFUSED = "no client is led to its process"


class Requests:
    """Asks for a path again and again, with another user each time; `answers` has how often what was answered."""

    def __init__(self, port, target="/x"):
        self.port, self.target, self.answers, self.going = port, target, {}, True
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        connection, user = http.client.HTTPConnection("127.0.0.1", self.port), 0
        while self.going:
            user += 1
            connection.request("GET", self.target, headers={"X-User": str(user)})
            response = connection.getresponse()
            answer = response.status, response.read().decode().strip()
            self.answers[answer] = self.answers.get(answer, 0) + 1

    def __enter__(self):
        self.thread.start()
        return self.answers

    def __exit__(self, *ignored):
        self.going = False
        self.thread.join()


def write(more=""):
    with open(path, "w") as file:
        file.write(f"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: 2\nloops: 2\ndeadline: 300ms\nhealth: /h\napps:\n  site:\n    artifact: {artifact}\n{more}")


def put(version):
    shutil.copy(version, artifact + ".new")
    os.replace(artifact + ".new", artifact)


def reload(message):
    seen = sum(message in line["message"] for line in n.lines)
    n.process.send_signal(signal.SIGHUP)
    return n.wait_log(message, seen)


def canary_process():
    return next((pid for pid in n.tenants() if b"name=site.canary" in n._words(pid)), None)


# From a file. One that is not well at the start is looked for again.
put(version(folder, "bad", traps="*"))
write()
with node([], file=path) as n:
    check(n.wait_log(REFUSED)["message"] == f"{REFUSED}: /h: the app failed", n.lines)
    check(get(n.port, "/x")[0] == 503 and get(n.admin, "/healthz") == (503, b"not ready: site\n"), "nobody has it")
    put(one)
    n.wait_log("ready")
    bad = {"bad": "/h: the app failed", "sad": "/h is answered with 500", "odd": "/h is answered with 404", "late": "/h: the app took too long"}
    version(folder, "sad", status=500)
    version(folder, "odd", status=404)
    version(folder, "late", turns=2000)
    failed = n.metric('health_checks_total.*result="failed"')
    with Requests(n.port) as answers:
        for name, why in bad.items():
            put(f"{folder}/{name}.aotc")
            check(reload(REFUSED)["message"] == f"{REFUSED}: {why}", n.lines[-3:])
        until(lambda: answers, "an answer")
        put(two)
        reload("ready")
        until(lambda: (200, "two") in answers, "the next one")
    check(set(answers) == {(200, "one"), (200, "two")}, answers)
    print(f"{len(bad)} broken releases: {sum(answers.values())} requests, {sum(count for (status, _), count in answers.items() if status != 200)} failed")
    check(n.metric('health_checks_total.*result="failed"') == failed + len(bad) and n.metric('health_checks_total.*result="passed"') == 2, "counted")
    check(n.metric('aotc_requests_total.*code="5') == 1 and n.metric("aotc_instances") == 0, "and for no client")

    # A canary goes through the same gate, and is watched.
    rules = "    canary-sticky: header:x-user\n    canary-min-requests: 50\n    canary-weight: "
    write(f"    canary: {folder}/sad.aotc\n{rules}100\n")
    check(reload(REFUSED)["app"] == "site.canary", n.lines[-3:])
    check(get(n.port, "/x") == (200, b"two\n") and get(n.admin, "/healthz")[0] == 200, "no client is led there")

    write(f"    canary: {version(folder, 'sick', traps='x')}\n{rules}50\n")
    with Requests(n.port) as answers:
        given_up = reload("the canary is given up")
        until(lambda: get(n.port, "/x") == (200, b"two\n"), "the app has its requests")
        begun = sum(answers.values())
        until(lambda: sum(answers.values()) > begun + 5, "the end of what it had")
        seen = dict(answers)
        until(lambda: sum(answers.values()) > sum(seen.values()) + 500, "more requests")
        check(answers[502, "the app failed"] == seen[502, "the app failed"], (seen, answers))
    check("requests failed, 0 % of the others" in given_up["message"] and given_up["level"] == "error", given_up)
    check(n.metric('aotc_canary_rollbacks_total{app="site",release="canary",reason="errors"} ') == 1, "counted")
    until(lambda: canary_process() is None, "its end")
    app, canary = json.loads(get(n.admin, "/releases")[1])
    check(app == {"app": "site", "state": "serves"} and canary["state"] == "given up" and canary["weight"] == 50 and canary["failed"] >= 25 and canary["why"] in given_up["message"], canary)

    write(f"    canary: {version(folder, 'slow', turns=30)}\n{rules}50\n")
    with Requests(n.port) as answers:
        check("95 % of its requests are answered within" in reload("the canary is given up")["message"], n.lines[-3:])
    check({status for status, _ in answers} == {200} and n.metric('canary_rollbacks_total.*reason="latency"') == 1, answers)

    # SIGHUP gives it another chance; a process that ends again and again does not have it for long.
    write(f"    canary: {one}\n{rules}100\n")
    reload("ready")
    until(lambda: get(n.port, "/x") == (200, b"one\n"), "the canary")
    ends = []
    while not any("has ended 3 times in a minute" in line["message"] for line in n.lines):
        pid = canary_process()
        if pid and pid not in ends:
            ends.append(pid)
            os.kill(pid, signal.SIGKILL)
    check(len(ends) == 3 and get(n.port, "/x") == (200, b"two\n"), ends)
    check(n.metric('canary_rollbacks_total.*reason="crashes"') == 1, "counted")

# From a registry: the release before goes on, and the next one that is well follows.
key, images = Key(folder, "old"), Images()
bytes_of = lambda name: open(f"{folder}/{name}.aotc", "rb").read()
images.publish(key, 1, bytes_of("one"))


def write_pulled(host, health, deadline):
    with open(path, "w") as file:
        file.write(f"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\ncache: {folder}/cache\npoll: 50ms\ntrust: {key.public}\nhealth: {health}\ndeadline: {deadline}\napps:\n  site:\n    artifact: oci://{host}/acme/app:v1\n")
    return path


with Registry(images.paths) as registry, node([], file=write_pulled(registry.host, "/h", "300ms")) as n:
    n.wait_log("ready")
    with Requests(n.port) as answers:
        until(lambda: answers, "an answer")
        broken = images.publish(key, 2, bytes_of("sad"))
        check(n.wait_log(REFUSED)["index"] == broken, n.lines[-3:])
        n.wait_log("goes back")
        until(lambda: n.metric('pulls_total.*result="same"') > 3, "more polls")
        images.publish(key, 3, bytes_of("two"))
        until(lambda: (200, "two") in answers, "the next one")
    check(set(answers) == {(200, "one"), (200, "two")}, answers)
    check(n.metric('aotc_rollbacks_total{app="site"} ') == 1 and n.metric('health_checks_total.*result="failed"') == 1, "once")

    # With other settings it is asked again; the same release as it was told before goes on, and is not gone back from.
    images.publish(key, 4, bytes_of("sick"))
    until(lambda: get(n.port, "/y") == (200, b"sick\n"), "the one after that")
    write_pulled(registry.host, "/x", "400ms")
    check(reload(REFUSED)["message"] == f"{REFUSED}: /x: the app failed", n.lines[-3:])
    until(lambda: n.metric('health_checks_total.*result="failed"') >= 2, "counted")
    check(get(n.port, "/y") == (200, b"sick\n") and n.metric('aotc_rollbacks_total{app="site"} ') == 1, "the same")
