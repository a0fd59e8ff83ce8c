"""pull.py FOLDER ONE.aotc TWO.aotc: a node and a registry of ours that serves two releases of one app."""
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading

from fleet import Images, Key, digest, statement
from harness import check, until
from node import get, node
from registry_of_lies import Registry

folder, one, two = sys.argv[1], open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
old, new = Key(folder, "old"), Key(folder, "new")
ONE, TWO = (200, b"version one\n"), (200, b"version two\n")
cache = f"{folder}/cache"
place = f"{cache}/acme+app:v1"
images = Images()


def fleet_node(host, *options, trust=(old,), up=True):
    words = [word for key in trust for word in ("--trust", key.public)]
    return node([f"site=oci://{host}/acme/app:v1"], "--poll", "50ms", "--cache", cache, *words, *options, up=up)


def ready(n, index):
    """Waits until a release serves."""
    def seen():
        lines = [line for line in n.lines if line["message"] == "ready"]
        return bool(lines) and lines[-1]["index"] == index
    n.wait_for(seen, f"{index} ready")


class Requests:
    """Asks again and again; what was answered."""

    def __init__(self, port):
        self.port, self.answers, self.going = port, [], True
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while self.going:
            self.answers.append(get(self.port, "/"))

    def __enter__(self):
        self.thread.start()
        until(lambda: self.answers, "an answer")
        return self.answers

    def __exit__(self, *ignored):
        self.going = False
        self.thread.join()


first = images.publish(old, 1, one)
with Registry(images.paths) as registry:
    host = registry.host
    with fleet_node(host) as n:
        ready(n, first)
        check(get(n.port, "/") == ONE, "the first release")
        for pid in n.tenants():
            maps = open(f"/proc/{pid}/maps").read()
            check(digest(one)[7:] in maps, "the tenant maps the file in the cache")
            mapped = os.stat(f"{place}/{digest(one)[7:]}")
            check(os.geteuid() != 0 or (mapped.st_uid, mapped.st_mode & 0o777) == (0, 0o444), "which nobody can change any more")
        for pid in (n.process.pid, n.front()):
            check(digest(one)[7:] not in open(f"/proc/{pid}/maps").read(), "neither the supervisor nor the front maps it")
        # A newer one takes over while requests come in; none is lost.
        with Requests(n.port) as answers:
            second = images.publish(old, 2, two)
            ready(n, second)
            count = len(answers)
            until(lambda: len(answers) > count + 20, "more answers")
        check(set(answers) == {ONE, TWO} and answers == sorted(answers), set(answers))
        check(n.metric("aotc_release_sequence.*" + second) == 2, "the sequence is shown")
        check(n.metric('aotc_pulls_total.*"new"') == 2, "two pulls")

        # The older one again: its statement is still good, but a later one was seen.
        images.publish(old, 1, one)
        n.wait_log("its sequence is 1, but 2 was seen before")
        # And another one under the same number.
        images.publish(old, 2, one, note="twin")
        n.wait_log("sequence 2 was seen with another image")
        check(get(n.port, "/") == TWO, "nothing has changed")
        # A puller that dies is started again. Each ends by itself, too, after ten polls.
        def killed():
            n.kill("--pull")
            return any("its puller ended: signal 9" in line["message"] for line in n.lines)
        until(killed, "a puller that dies")
        n.wait_log("sequence 2 was seen with another image", 1)

    # What was seen is known after a restart, and what ran runs before the registry was asked.
    with fleet_node(host) as n:
        ready(n, second)
        n.wait_log("sequence 2 was seen with another image")
        check(get(n.port, "/") == TWO, "the second release, from the cache")

# Without a registry, too; and then one comes back.
with fleet_node(host) as n:
    ready(n, second)
    n.wait_log("Connection refused", 1)
    check(get(n.port, "/") == TWO, "without a registry")
    check(n.metric('aotc_pulls_total.*"failed"') >= 2, "failures are counted")
# Two nodes do not share a cache. The test has it instead of a puller of one, as between two pullers it is free.
with open(f"{place}/lock", "r+") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with fleet_node(host, up=False) as n:
        n.wait_log("in use by another node")
        check(get(n.port, "/")[0] == 503, "no release without a cache")

with Registry(images.paths) as registry:
    with fleet_node(registry.host) as n:
        ready(n, second)
        # Signed, but no program: the one before goes on.
        broken = images.publish(old, 3, b"not an artifact" * 1000)
        line = n.wait_log("cannot be run: goes back")
        check(line["index"] == second, line)
        n.wait_metric("aotc_rollbacks_total", 1)
        check(get(n.port, "/") == TWO, "a release that does not come up")
        seen = n.metric('aotc_pulls_total.*"same"')
        until(lambda: n.metric('aotc_pulls_total.*"same"') > seen + 1, "asked again")
        check(sum(line["message"].startswith("its process ended") for line in n.lines) == 1, "it is tried once")
    with fleet_node(registry.host) as n:  # and once more after a restart
        n.wait_log("cannot be run: goes back")
        ready(n, second)
        check(get(n.port, "/") == TWO, "after a restart")

        # Signed, comes up, but does not stay: the third death is the last.
        shaky = images.publish(old, 4, one, note="shaky")
        for death in range(3):
            ready(n, shaky)
            n.wait_for(lambda: sum(line["message"] == "ready" and line["index"] == shaky for line in n.lines) > death, "again")
            n.kill()
        n.wait_log("crashes in a loop: goes back")
        ready(n, second)
        check(get(n.port, "/") == TWO, "a release that crashes")
        n.wait_metric("aotc_rollbacks_total", 2)
        # What it may try again is the operator's to say.
        n.process.send_signal(signal.SIGHUP)
        ready(n, shaky)

        # Once it has answered a hundred requests it stays, and what is not needed any more has left the cache.
        for _ in range(100):
            check(get(n.port, "/") == ONE, "the shaky release")
        until(lambda: f"good {shaky}" in open(f"{place}/state").read() and digest(two)[7:] not in os.listdir(place), "kept")
        check(digest(one)[7:] in os.listdir(place), "what it needs is kept")
        until(lambda: len(n.tenants()) == 1, "the release before has ended")
        for _ in range(3):
            count = sum(line["message"] == "ready" for line in n.lines)
            n.kill()
            n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) > count, "started again")
        check(get(n.port, "/") == ONE and n.metric("aotc_rollbacks_total") == 2, "a proven release is not given up")

    # Keys change: who trusts both takes what either signs, who trusts the old one goes on with what it has.
    turned = images.publish(new, 5, two, note="by the new key")
    with fleet_node(registry.host) as n:
        n.wait_log("not signed by a trusted key")
        check(get(n.port, "/") == ONE, "the new key is not trusted yet")
    with fleet_node(registry.host, trust=(old, new)) as n:
        ready(n, turned)
        check(get(n.port, "/") == TWO, "both are")
    with fleet_node(registry.host, trust=(new,)) as n:
        ready(n, turned)
        check(get(n.port, "/") == TWO, "the old one is not any more")
        # The same image by the old key is refused, and does not disturb.
        images.sign(turned, statement(old, "acme/app", turned, 6))
        n.wait_log("not signed by a trusted key")
        images.sign(turned, statement(new, "acme/app", turned, 7))
        n.wait_log("signed anew")
        check(get(n.port, "/") == TWO and n.metric("aotc_release_sequence") == 7, "signed anew")

# What lies on the disk is checked again before it is run: by the tenant, whatever the puller has said, and by the puller
# when it starts. (A file that is mapped is not changed, but replaced.)
def damage():
    with open(f"{folder}/damaged", "wb") as file:
        file.write(two[:len(two) // 2] + bytes([two[len(two) // 2] ^ 1]) + two[len(two) // 2 + 1:])
    os.rename(file.name, f"{place}/{digest(two)[7:]}")


with Registry(images.paths) as registry, fleet_node(registry.host, trust=(new,)) as n:
    ready(n, turned)
    damage()
    n.kill()
    n.wait_log("damaged in the cache")  # and not run
    n.process.send_signal(signal.SIGHUP)
    n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) >= 2, "fetched anew")
    check(get(n.port, "/") == TWO, "the file is whole again")
damage()
with fleet_node(host, trust=(new,), up=False) as n:
    n.wait_log("damaged in the cache")
    n.wait_log("Connection refused")
    check(get(n.port, "/")[0] == 503 and n.tenants() == [], "a damaged file")
with Registry(images.paths) as registry, fleet_node(registry.host, trust=(new,)) as n:
    ready(n, turned)
    check(get(n.port, "/") == TWO, "fetched anew")
with open(f"{place}/state", "a") as file:
    file.write("x")
with Registry(images.paths) as registry, fleet_node(registry.host, trust=(new,), up=False) as n:
    n.wait_log("state: damaged; nothing is pulled until it is removed")

# Of several variants the best one that this machine can run.
levels = [f"v{level}" for level in (2, 3, 4)]
loader = subprocess.run(["/lib64/ld-linux-x86-64.so.2", "--help"], stdout=subprocess.PIPE, text=True).stdout
best = max(level for level in levels if f"x86-64-{level} (supported" in loader)
images = Images("acme/variants")
variants = [({"os": "linux", "architecture": "amd64", "variant": level}, two if level == best else f"{level}".encode())
            for level in levels + ["v9"]]
images.publish(new, 1, ({"os": "linux", "architecture": "arm64"}, b"arm64"), ({"os": "linux", "architecture": "amd64"}, one), *variants)
with Registry(images.paths) as registry, node([f"site=oci://{registry.host}/acme/variants:v1"], "--cache", cache, "--trust",
                                             new.public) as n:
    check(get(n.port, "/") == TWO, best)
