"""kv.py ARTIFACT FOLDER: edge.KV on a node. The steps are those that the program's own test does natively."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

from harness import AOTC, check, serving
from node import get, node

artifact, folder = sys.argv[1:]
APPS = [f"{app}={artifact}" for app in ("one", "two")]
store = f"{folder}/store"
OPTIONS = "--kv", store, "--kv-size", "1M", "--deadline", "2s", "--workers", "2"


def ask(n, app, target):
    status, text = get(n.port, target, host=app)
    check(status == 200, f"{target}: {status} {text}")
    return text.decode().removesuffix("\n")


with open(os.path.join(os.path.dirname(__file__), "kv/steps.go")) as file:
    steps = [line.split(" -> ") for line in file.read().split("`")[1].strip().splitlines()]

with node(APPS, *OPTIONS) as n:
    check(len([line for line in n.lines if line["message"].endswith("before the thaw: not yet")]) == 2, "nothing is asked before the thaw")
    for target, *wanted in steps:
        if target == "sleep":
            time.sleep(0.06)
        else:
            answer = ask(n, "one", target)
            check([answer] == wanted, f"{target}: {answer} instead of {wanted}")
    # Another app has none of it, whatever it asks for.
    for target, wanted in (("/list?prefix=", '[] ""'), ("/get?key=a", "error: none"), ("/get?key=one%00a", "error: none"), ("/delete?key=a", "error: none"),
                           ("/put?key=a&value=two", "put"), ("/get?key=a", "two false")):
        answer = ask(n, "two", target)
        check(answer == wanted, f"another app: {target}: {answer}")
    check(ask(n, "one", "/get?key=a") == "2 false", "and changes none of it")
    # What an app may have, and what another still may.
    puts = [ask(n, "two", f"/put?key=q{i}&size=100000") for i in range(12)]
    check(puts.count("put") == 10 and set(puts[10:]) == {"error: full"}, f"{puts}")
    check(ask(n, "one", "/put?key=q&size=100000") == "put" and ask(n, "one", "/delete?key=q") == "deleted", "room for others")
    check(ask(n, "two", "/put?key=q0&size=50000") == "put" and ask(n, "two", "/put?key=r&size=40000") == "put", "less in its place")
    for i in range(10):
        check(ask(n, "two", f"/delete?key=q{i}") == "deleted", "deleted")
    check(ask(n, "two", "/put?key=q&size=131072&ttl=1ms") == "put", "room again")
    time.sleep(0.01)
    check([ask(n, "two", f"/put?key=s{i}&size=100000") for i in range(9)] == ["put"] * 9, "what has expired takes no room")
    # Many who compare and set.
    threads = [threading.Thread(target=lambda: [ask(n, "one", "/count?key=c&many=4") for _ in range(5)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(ask(n, "one", "/get?key=c") == "120 false", "each was counted once")
    # One folder has one broker.
    with node(APPS[:1], *OPTIONS) as other:
        line = other.wait_log("no program gets anything of the key-value store: ")
        check(line["message"].endswith("store: another broker has it") and line["level"] == "error", f"{line}")
        check("the store cannot be used" in ask(other, "one", "/get?key=a"), "and says so to programs")

# The broker is killed; what was acknowledged is there.
with node(APPS[:1], *OPTIONS) as n:
    check(ask(n, "one", "/get?key=c") == "120 false", "it is still there")
    acknowledged, stop = [], threading.Event()

    def put_on(who):
        for number in range(100_000):
            if stop.is_set():
                return
            with contextlib.suppress(OSError):
                key = f"k{who}-{number}"
                if get(n.port, f"/put?key={key}&value={number}", host="one") == (200, b"put\n"):
                    acknowledged.append(key)

    threads = [threading.Thread(target=put_on, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for round_ in range(5):
        before = len(acknowledged)
        deadline = time.monotonic() + 30
        while len(acknowledged) < before + 40 and time.monotonic() < deadline:
            time.sleep(0.01)
        check(len(acknowledged) >= before + 40, f"puts go on: {n.lines[-3:]}")
        os.kill(n.broker(), signal.SIGKILL)
        n.wait_log("the broker ended: signal 9", round_)
    stop.set()
    for thread in threads:
        thread.join()
    there, after = set(), ""
    until = time.monotonic() + 30
    while get(n.port, "/get?key=c", host="one") != (200, b"120 false\n"):
        check(time.monotonic() < until, "it comes up again")
    while True:
        keys, after = re.fullmatch(r'\[(.*)\] "(.*)"', ask(n, "one", "/list?prefix=k&after=" + urllib.parse.quote(after))).groups()
        there |= set(re.findall(r'"([^"]+)"', keys))
        if not after:
            break
    lost = set(acknowledged) - there
    check(not lost, f"lost {len(lost)} of {len(acknowledged)} acknowledged puts")
    print(f"{len(acknowledged)} puts acknowledged in 5 rounds, none lost")

# A damaged database is said, and is nobody's end.
good = f"{folder}/good"
shutil.copytree(store, good)


def damage(change):
    shutil.rmtree(store)
    shutil.copytree(good, store)
    with open(f"{store}/data.mdb", "r+b") as file:
        change(file)


def overwrite(file):
    data = file.read()
    file.seek(0)
    file.write(data.replace(b"k1-", b"k9-"))  # in pages that are no longer in use, too


def blank(file):
    size = file.seek(0, os.SEEK_END)
    file.seek(8192)
    file.write(b"\xff" * (size - 8192))


for change in (overwrite, blank, lambda file: file.truncate(8192), lambda file: file.write(b"x" * 8192)):
    damage(change)
    with node(APPS[:1], *OPTIONS) as n:
        line = n.wait_log("no program gets anything of the key-value store: ")
        check(line["message"].endswith("store: it is damaged"), f"{line}")
        check("the store cannot be used" in ask(n, "one", "/get?key=a"), "and says so to programs")

with node(APPS[:1], "--allow", "one=any") as n:
    check(ask(n, "one", "/get?key=a") == "error: no store", "a node without one")
with node(APPS[:1]) as n:
    check(ask(n, "one", "/get?key=a") == "error: no store", "or without a broker")

# aotc run has one, too.
for number in range(2):
    with serving([AOTC, "run", artifact, "--tcplisten", "127.0.0.1:PORT", "--kv", f"{folder}/run"], stderr=subprocess.DEVNULL) as (_, port):
        check(get(port, f"/put?key=r{number}&value=x") == (200, b"put\n"), "a put")
        wanted = "[" + " ".join(f'"r{i}"' for i in range(number + 1)) + '] ""\n'
        check(get(port, "/list?prefix=") == (200, wanted.encode()), "and those of runs before")
