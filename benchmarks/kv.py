"""benchmarks/run kv: how long a program on a node waits for its key-value store, by its own clock, in LMDB and in Redis; and that no put which
was acknowledged is lost when the broker, or Redis, is killed under 100,000 of them.

One program at a time gets or puts one key of 100 bytes, again and again; the store has 1,000 others. Redis is Debian's, on loopback, and
writes each put to its file before it answers (appendfsync always), as LMDB does.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import common

GETS, PUTS, OTHERS = 5000, 500, 1000
TOTAL, BATCH, CLIENTS, KILLS = 100_000, 50, 16, 10


class Redis:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder,
                                         "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        while subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True).stdout != b"PONG\n":
            time.sleep(0.01)

    def stop(self):
        self.process.kill()
        self.process.wait()


def ask(port, target):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}", timeout=60) as answer:
        return answer.read().decode()


def percentile(values, part):
    return sorted(values)[int(len(values) * part)]


def latencies(port, runs):
    """operation -> microseconds: (median, 99th percentile), each the median of the runs."""
    ask(port, f"/fill?name=other&count={OTHERS}")
    ask(port, "/put")
    results = {}
    for _ in range(runs):
        for operation, count in (("get", GETS), ("put", PUTS)):
            times = [int(line) / 1e3 for line in ask(port, f"/{operation}?count={count}").split()]
            results.setdefault(operation, []).append((percentile(times, 0.5), percentile(times, 0.99)))
    return {operation: tuple(common.median(column) for column in zip(*rows)) for operation, rows in results.items()}


def broker_of(node):
    with open(f"/proc/{node.pid}/task/{node.pid}/children") as file:
        for pid in file.read().split():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as words:
                if words.read().startswith(b"aotc-broker"):
                    return int(pid)
    return None


def durability(port, kill):
    """Puts TOTAL keys while `kill` is called KILLS times; how many of those that were acknowledged are not there."""
    acknowledged, lock, numbers = [], threading.Lock(), iter(range(10 * TOTAL))

    def put_on():
        while True:
            with lock:
                if len(acknowledged) * BATCH >= TOTAL:
                    return
                name = f"k{next(numbers)}"
            with contextlib.suppress(OSError):
                if ask(port, f"/fill?name={name}&count={BATCH}") == "acknowledged\n":
                    with lock:
                        acknowledged.append(name)

    threads = [threading.Thread(target=put_on) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for number in range(1, KILLS + 1):
        while len(acknowledged) * BATCH < number * TOTAL // (KILLS + 1):
            time.sleep(0.001)
        kill()
    for thread in threads:
        thread.join()
    there, after = set(), ""
    while True:
        try:
            after, *keys = ask(port, "/keys?after=" + urllib.parse.quote(after)).split("\n")
        except OSError:
            time.sleep(0.1)
            continue
        there.update(keys)
        if not after:
            break
    expected = {f"{name}-{i}" for name in acknowledged for i in range(BATCH)}
    return len(expected), len(expected - there)


def main(workspace, arguments):
    module, artifact = workspace.path("kv.wasm"), workspace.path("kv.aotc")
    common.run([workspace.aotc(), "build", "-C", os.path.join(common.HERE, "programs", "kv"), "-trimpath", "-o", module])
    common.run([workspace.aotc(), "compile", module, "--snapshot", "required", "-o", artifact])
    folder = workspace.path("kv")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    redis = Redis(f"{folder}/redis")
    rows, lines, kept = [], [], {}
    try:
        for store, where in (("LMDB", f"{folder}/store"), ("Redis", f"redis://127.0.0.1:{redis.port}")):
            node, port = common.start_node(workspace, "--app", f"a={artifact}", "--kv", where, "--deadline", "10s", "--timeout", "10m")

            def kill():
                if store == "Redis":
                    redis.stop()
                    redis.start()
                elif pid := broker_of(node):
                    os.kill(pid, signal.SIGKILL)
            try:
                kept[store] = latencies(port, arguments.runs)
                rows.append([store] + [f"{value:.0f}" for operation in ("get", "put") for value in kept[store][operation]])
                count, lost = durability(port, kill)
                lines.append(f"{store}: {count} puts acknowledged while {'Redis' if store == 'Redis' else 'the broker'} was killed {KILLS} times, {lost} lost")
                kept[store]["lost"] = lost
            finally:
                node.kill()
                node.wait()
    finally:
        redis.stop()
    print(f"medians of {arguments.runs} runs of {GETS} gets and {PUTS} puts, in microseconds, by the program's clock")
    common.print_table(rows, ["store", "get p50", "p99", "put p50", "p99"])
    print("\n".join(lines))
    common.write_json(arguments.json, "kv", workspace, {"runs": arguments.runs, "gets": GETS, "puts": PUTS}, kept)
    if any(row["lost"] for row in kept.values()):
        common.fail("acknowledged puts are lost")
