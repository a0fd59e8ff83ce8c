"""What edge.KV does on a node, whatever keeps it: the steps that the program's own test does natively, other apps, room, many at once; and
what was acknowledged is there after a kill -9."""
import contextlib
import os
import re
import signal
import threading
import time
import urllib.parse

from harness import check
from node import get, node

OPTIONS = "--kv-size", "1M", "--deadline", "2s", "--workers", "2"


def ask(n, app, target):
    status, text = get(n.port, target, host=app)
    check(status == 200, f"{target}: {status} {text}")
    return text.decode().removesuffix("\n")


with open(os.path.join(os.path.dirname(__file__), "kv/steps.go")) as file:
    steps = [line.split(" -> ") for line in file.read().split("`")[1].strip().splitlines()]


def use(n):
    """Two apps, `one` and `two`, of an empty store."""
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
    check(ask(n, "two", "/add?key=full&number=1") == "1" and ask(n, "two", "/put?key=t&size=131072") == "error: full", "room for a number, and no more")
    # Many who add, or compare and set.
    adds = [threading.Thread(target=lambda: [ask(n, "one", "/add?key=added&number=3") for _ in range(10)]) for _ in range(6)]
    for thread in adds:
        thread.start()
    for thread in adds:
        thread.join()
    check(ask(n, "one", "/add?key=added&number=0") == "180", "each was added once")
    count = lambda name, label: int(n.metric(f"^aotc_kv_{name}_total{{.*{label}"))
    check((count("requests", 'app="one",operation="add"'), count("requests", 'app="two",operation="add"')) == (71, 1), "adds are counted")
    check((count("errors", 'app="one",reason="full"'), count("errors", 'app="two",reason="full"'), count("errors", 'reason="failed"')) == (0, 3, 0), "errors are")
    sent, received = count("bytes", 'app="two",direction="sent"'), count("bytes", 'direction="received"')
    check(sent > 2_000_000 and received > 4_000, f"bytes are: {sent} {received}")
    n.wait_metric("^aotc_outbound_open", 0)  # with their requests
    threads = [threading.Thread(target=lambda: [ask(n, "one", "/count?key=c&many=4") for _ in range(5)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(ask(n, "one", "/get?key=c") == "120 false", "each was counted once")


def kill_rounds(artifact, options, rounds, kill):
    """Puts go on while it is killed, again and again; returns how many were acknowledged, of which none is lost."""
    with node([f"one={artifact}"], *options) as n:
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
        for round_ in range(rounds):
            before = len(acknowledged)
            deadline = time.monotonic() + 30
            while len(acknowledged) < before + 40 and time.monotonic() < deadline:
                time.sleep(0.01)
            check(len(acknowledged) >= before + 40, f"puts go on: {n.lines[-3:]}")
            kill(n, round_)
        stop.set()
        for thread in threads:
            thread.join()
        there, after = set(), ""
        until = time.monotonic() + 30
        while get(n.port, "/get?key=c", host="one") != (200, b"120 false\n"):
            check(time.monotonic() < until, "it comes up again")
        while True:
            keys, after = re.fullmatch(r'\[(.*)\] "(.*)"', ask(n, "one", "/list?prefix=k&limit=100&after=" + urllib.parse.quote(after))).groups()
            there |= set(re.findall(r'"([^"]+)"', keys))
            if not after:
                break
        lost = set(acknowledged) - there
        check(not lost, f"lost {len(lost)} of {len(acknowledged)} acknowledged puts")
        return len(acknowledged)


def kill_broker(n, round_):
    os.kill(n.broker(), signal.SIGKILL)
    n.wait_log("the broker ended: signal 9", round_)
