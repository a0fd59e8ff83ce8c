"""revoked.py FOLDER ONE.aotc TWO.aotc THREE.aotc: a node, and a registry of ours that revokes what it served. The node polls
when it is told to (SIGHUP), and what it did is in its log and its counters."""
import os
import shutil
import signal
import subprocess
import sys

from fleet import Images, Key, digest, revocations, statement
from harness import BIN, check, until
from node import get, node
from registry_of_lies import Registry

folder = sys.argv[1]
one, two, three = (open(path, "rb").read() for path in sys.argv[2:])
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
key, new, stranger = Key(folder, "key"), Key(folder, "new"), Key(folder, "stranger")
ANSWERS = {"one": (200, b"version one\n"), "two": (200, b"version two\n"), "three": (200, b"version three\n")}
REPOSITORY = "acme/app"
cache = f"{folder}/cache"
place = f"{cache}/acme+app:v1"
NOTHING = "127.0.0.1:1"  # where no registry is


def fleet_node(host, *options, trust=(key,), up=False):
    words = [word for k in trust for word in ("--trust", k.public)]
    return node([f"site=oci://{host}/{REPOSITORY}:v1"], "--poll", "1h", "--cache", cache, *words, *options, up=up)


def serves(n, name, index):
    def seen():
        lines = [line for line in n.lines if line["message"] == "ready"]
        return bool(lines) and lines[-1]["index"] == index
    n.wait_for(seen, f"{name} ready")
    until(lambda: get(n.port, "/") == ANSWERS[name], name)  # what was ready may have been revoked since


def poll(n, message):
    """Has the node ask, until it says `message` once more."""
    before = sum(message in line["message"] for line in n.lines)
    n.process.send_signal(signal.SIGHUP)
    return n.wait_log(message, before)


def refuses(n, text, reason):
    """A list that is not obeyed."""
    before = n.metric('aotc_revocations_total.*"refused"')
    images.revoke(*text)
    line = poll(n, "does not obey a list of revocations")
    check(reason in line["message"], (reason, line))
    n.wait_metric('aotc_revocations_total.*"refused"', before + 1)


def ours(sequence, *entries):
    return revocations(key, REPOSITORY, sequence, *entries)


def stands_still(n):
    until(lambda: n.tenants() == [], "nothing runs")
    check(get(n.port, "/")[0] == 503, "it says so")
    check(n.metric("aotc_revoked") == 1, "and the metric says so")


images = Images()
first = images.publish(key, 1, one, compiler="0.1.0")
with Registry(images.paths) as registry:
    with fleet_node(registry.host) as n:
        serves(n, "one", first)
        second = images.publish(key, 2, two, compiler="0.1.1")
        poll(n, "pulled")
        serves(n, "two", second)
        check(n.metric("aotc_revoked") == 0, "nothing is revoked")

        # Lists that are none of its own change nothing.
        leaks = f"index {second} leaks"
        refuses(n, [revocations(stranger, REPOSITORY, 9, leaks)], "not signed by a trusted key")
        refuses(n, [revocations(stranger, REPOSITORY, 9, leaks).replace(stranger.id.encode(), key.id.encode())], "the signature is wrong")
        refuses(n, [ours(9).replace(b"sequence 9\n", b"sequence 10\n")], "the signature is wrong")
        refuses(n, [revocations(key, "acme/other", 9, leaks)], "revocations for acme/other, not for acme/app")
        refuses(n, [ours(9, leaks, leaks)], "not a well-formed list")
        refuses(n, [statement(key, REPOSITORY, second, 9)], "not a well-formed list")
        check(get(n.port, "/") == ANSWERS["two"] and n.metric('aotc_revocations_total.*"obeyed"') == 0, "nothing has changed")
        # One against something else is obeyed, and changes nothing either.
        images.revoke(ours(1, f"index {digest(b'')} leaks"), revocations(key, "*", 1, "compiler 0.0.9 miscompiles"))
        poll(n, "obeys its revocations")
        check(get(n.port, "/") == ANSWERS["two"], "it goes on")

        # Revoked: it ends, and the one before goes on.
        before = n.tenants()
        images.revoke(ours(2, leaks))
        line = poll(n, "revoked: leaks")
        check(line["index"] == second and line["level"] == "error", line)
        serves(n, "one", first)
        check(n.metric("aotc_revoked") == 1 and n.metric("aotc_release_sequence.*" + first) == 1, "metrics")
        until(lambda: not set(before) & set(n.tenants()), "the revoked release has ended")
        refuses(n, [ours(1, f"index {digest(b'')} leaks")], "its sequence is 1, but 2 was seen before")
        refuses(n, [ours(2)], "its sequence is 2, but 2 was seen before")

        # So is the one before: nothing is left.
        images.revoke(ours(3, *sorted((leaks, f"index {first} leaks too"))))
        poll(n, "revoked, and nothing else may run: leaks too")
        stands_still(n)

    # It stays so: whatever happens to the lists, with a registry and without.
    for lists in ((ours(3, *sorted((leaks, f"index {first} leaks too"))),), (ours(2, leaks),), ()):
        images.revoke(*lists)
        with fleet_node(registry.host) as n:
            n.wait_log("revoked, and nothing else may run")
            n.wait_metric('aotc_pulls_total.*"same"', 1)
            stands_still(n)
    del images.paths[f"/v2/{REPOSITORY}/manifests/aotc-revocations"]
    with fleet_node(registry.host) as n:
        n.wait_metric('aotc_pulls_total.*"same"', 1)
        stands_still(n)
with fleet_node(NOTHING) as n:
    n.wait_log("Connection refused")
    stands_still(n)

# A tenant refuses it by itself, and when it cannot read what it must obey.
def tenant(index, text, lists, reason):
    for data in (text, *lists):
        with open(f"{place}/{digest(data)[7:]}", "wb") as file:
            file.write(data)
    words = {"name": "site", "artifact": "image", "workers": 1, "deadline": 10**9, "timeout": 10**9, "max-memory": 10**9,
             "reset": "best", "folder": place, "repository": REPOSITORY, "index": index, "statement": digest(text),
             "key": key.public, **{word: digest(data) for word, data in zip(("revocations", "fleet-revocations"), lists)}}
    result = subprocess.run([f"{BIN}/aotc-node", "--tenant", *(f"{word}={value}" for word, value in words.items())],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(result.returncode == 1 and reason in result.stdout, (reason, result))


signed = statement(key, REPOSITORY, second, 2)
tenant(second, signed, [ours(9, leaks)], "image: revoked: leaks")
tenant(second, signed, [ours(9), revocations(key, "*", 9, "compiler 0.1.1 miscompiles")], "image: revoked: miscompiles")
tenant(second, signed, [ours(9, "through 2 too old")], "image: revoked: too old")
tenant(second, signed, [revocations(stranger, REPOSITORY, 9)], "cannot obey its revocations: not signed by a trusted key")
tenant(second, signed, [ours(9, "through x")], "cannot obey its revocations: not a well-formed list")

# What comes after it runs; and is revoked by its compiler, for the whole fleet, and with what came before, by its sequence.
with Registry(images.paths) as registry, fleet_node(registry.host) as n:
    n.wait_log("revoked, and nothing else may run")
    third = images.publish(key, 3, three, compiler="0.1.2")
    poll(n, "pulled")
    serves(n, "three", third)
    check(n.metric("aotc_revoked") == 0, "the newest is good")
    fourth = images.publish(key, 4, one, compiler="0.1.3", note="fourth")
    poll(n, "pulled")
    serves(n, "one", fourth)
    images.revoke(ours(3, *sorted((leaks, f"index {first} leaks too"))), revocations(key, "*", 2, "compiler 0.1.3 miscompiles"))
    poll(n, "revoked: miscompiles")
    serves(n, "three", third)
    images.revoke(ours(4, "through 4 all of them"), revocations(key, "*", 3, "compiler 0.1.3 miscompiles"))
    line = poll(n, "revoked, and nothing else may run: all of them")
    stands_still(n)
    # A release that was revoked by its sequence and is signed anew is another one.
    images.publish(key, 5, three, compiler="0.1.2")
    poll(n, "pulled")
    serves(n, "three", third)
    check(n.metric("aotc_revoked") == 0, "the newest is good again")

# Who is revoked while the node is down does not run when it starts, if only the cache knows the one before.
with Registry(images.paths) as registry:
    images.revoke(ours(5, f"index {third} late"), revocations(key, "*", 3, "compiler 0.1.3 miscompiles"))
    with fleet_node(registry.host) as n:
        n.wait_log("late")
        n.wait_metric('aotc_pulls_total.*"same"', 1)
        stands_still(n)

# Keys change: a list by the old one alone cannot be obeyed any more, and nothing runs until there is another.
fifth = images.publish(new, 6, two, note="fifth")
with Registry(images.paths) as registry:
    with fleet_node(registry.host, trust=(new,)) as n:
        n.wait_log("cannot pull")
        check(get(n.port, "/")[0] == 503, "what must not run is not known")
        images.revoke(revocations(new, REPOSITORY, 6, f"index {third} late"), revocations(new, "*", 4, "compiler 0.1.3 miscompiles"))
        poll(n, "pulled")
        serves(n, "two", fifth)

# The state of a node that knew no lists yet.
with open(f"{place}/state") as file:
    lines = file.read().splitlines()
with open(f"{place}/state", "w") as file:
    file.write("\n".join(["aotc-node-state 1", *lines[1:2], *lines[4:]]) + "\n")
with fleet_node(NOTHING, trust=(new,)) as n:
    serves(n, "two", fifth)
