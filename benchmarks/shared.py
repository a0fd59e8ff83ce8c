"""benchmarks/run shared: what a remote of the function cache gives and costs, with Redis on loopback.

`lookups`: the courier alone, asked for functions of 3 kB that are there, and for some that are not, 4096 at a time as fast as it
takes them; and the processor's time that courier and Redis take for each, which others on the machine do not change. `hits`: a net/http server, tier quick, whose functions another machine left in Redis, beside one whose own folder has
them; artifacts are not kept. `dead`: hello compiled into an empty folder without a remote, and with one that refuses
connections, or takes them and says nothing, in any order.
"""
import os
import random
import shutil
import socket
import struct
import subprocess
import threading
import time

import common
from cache import build

PARTS = ["lookups", "hits", "dead"]
LOOKUPS = 200_000


def start_redis(folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder], stdout=subprocess.DEVNULL)
    while True:
        try:
            return process, port, socket.create_connection(("127.0.0.1", port))
        except OSError:
            time.sleep(0.01)


def ask_courier(workspace, port, keys):
    """Seconds until all have been answered, how many were there, and the courier's seconds of the processor."""
    ours, theirs = socket.socketpair()
    url = f"redis://127.0.0.1:{port}".encode()
    ours.sendall(b"".join(struct.pack("<I", len(option)) + option for option in (url, b"", b"")))
    process = subprocess.Popen([os.path.join(workspace.build, "bin", "aotc-courier")], stdin=theirs)
    theirs.close()
    time.sleep(0.5)  # it has connected
    questions = [b"ask\0" + struct.pack("<I", len(some)) + b"".join(some) for some in (keys[n:n + 4096] for n in range(0, len(keys), 4096))]
    begin = time.monotonic()
    threading.Thread(target=ours.sendall, args=[b"".join(questions)]).start()
    data, answers, found = bytearray(), 0, 0
    while answers < len(keys):
        data += ours.recv(1 << 20)
        at = 0
        while len(data) - at >= 8:
            number, size = struct.unpack_from("<II", data, at)
            if number >= len(keys):
                common.fail(f"the courier: {data[at + 8:at + 208]}")
            if len(data) - at - 8 < size:
                break
            at, answers, found = at + 8 + size, answers + 1, found + (size > 0)
        del data[:at]
    seconds = time.monotonic() - begin
    ours.close()
    usage = os.wait4(process.pid, 0)[2]
    process.returncode = 0
    return seconds, found, usage.ru_utime + usage.ru_stime


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lookups(workspace, port, redis, server):
    redis.sendall(b"FLUSHALL\r\n")
    keys = [struct.pack("<QQ", n, n * n) for n in range(LOOKUPS)]
    value = os.urandom(3000)
    for n in range(0, LOOKUPS, 10):  # a tenth of them, asked for again and again
        redis.sendall(b"*3\r\n$3\r\nSET\r\n$40\r\naotc:f1:" + keys[n // 10].hex().encode() + b"\r\n$3000\r\n" + value + b"\r\n")
    expected = 5 * (1 + LOOKUPS // 10)
    received = b""
    while len(received) < expected:
        received += redis.recv(1 << 20)
    results = {}
    for state, wanted, expected in ("found", keys[:LOOKUPS // 10] * 5, LOOKUPS // 2), ("absent", [key[8:] + b"absent!!" for key in keys], 0):
        before = cpu_of(server)
        seconds, found, courier = ask_courier(workspace, port, wanted)
        if found != expected:
            common.fail(f"{found} were found")
        results[state] = {"per_s": len(wanted) / seconds, "courier_us": courier / len(wanted) * 1e6, "redis_us": (cpu_of(server) - before) / len(wanted) * 1e6}
    return results


class Compiler:
    def __init__(self, workspace, module):
        self.workspace, self.module, self.output = workspace, module, workspace.path("shared.aotc")

    def run(self, cache, *options):
        return common.run([self.workspace.aotc(), "compile", self.module, "--tier", "quick", "--snapshot", "off", "--cache", cache, "-o", self.output, *options])[1]


def hits(workspace, port, redis, key, runs):
    compiler = Compiler(workspace, build(workspace, "nethttp", False))
    own, others, url = workspace.path("own"), workspace.path("others"), f"redis://127.0.0.1:{port}"
    shutil.rmtree(own, ignore_errors=True)
    compiler.run(own, "--cache-remote", url, "--cache-sign", key + ".key", "--cache-wait", "60s")
    results = {"own": [], "remote": []}
    for _ in range(runs):
        shutil.rmtree(own + "/artifacts", ignore_errors=True)
        results["own"].append(compiler.run(own).wall)
        shutil.rmtree(others, ignore_errors=True)
        results["remote"].append(compiler.run(others, "--cache-remote", url, "--cache-trust", key + ".pub").wall)
    return {name: common.median(values) for name, values in results.items()}


def dead(workspace, key, runs):
    compiler = Compiler(workspace, build(workspace, "hello", False))
    cache, results = workspace.path("dead"), {"without": [], "refuses": [], "says nothing": []}
    with socket.socket() as refuses, socket.create_server(("127.0.0.1", 0)) as silent:
        refuses.bind(("127.0.0.1", 0))
        ports = {"refuses": refuses.getsockname()[1], "says nothing": silent.getsockname()[1]}
        for _ in range(runs):
            for state, values in random.sample(list(results.items()), len(results)):  # whoever came before says much
                shutil.rmtree(cache, ignore_errors=True)
                remote = [] if state == "without" else ["--cache-remote", f"redis://127.0.0.1:{ports[state]}", "--cache-sign", key + ".key"]
                values.append(compiler.run(cache, *remote).wall)
    ratios = {name: common.median([a / b for a, b in zip(values, results["without"])]) for name, values in results.items()}
    return {name: {"wall_s": common.median(values), "ratio": ratios[name]} for name, values in results.items()}


def main(workspace, arguments):
    key = workspace.path("shared-key")
    for name in (key + ".key", key + ".pub"):
        if os.path.exists(name):
            os.unlink(name)
    common.run([workspace.aotc(), "keygen", key])
    parts, results = arguments.names or PARTS, {}
    process, port, redis = start_redis(workspace.path())
    try:
        if "lookups" in parts:
            results["lookups"] = lookups(workspace, port, redis, process.pid)
            for state, values in results["lookups"].items():
                print("lookups: {per_s:,.0f} per second that are {state}, each {courier_us:.1f} us of the courier's processor and {redis_us:.1f} of Redis's".format(state=state, **values))
        if "hits" in parts:
            results["hits"] = hits(workspace, port, redis, key, arguments.runs)
            print("hits: nethttp in {own:.2f} s from its own folder, in {remote:.2f} s from Redis".format(**results["hits"]))
        if "dead" in parts:
            results["dead"] = dead(workspace, key, arguments.runs)
            without = results["dead"]["without"]["wall_s"]
            for state in ("refuses", "says nothing"):
                print("dead: hello in {:.2f} s without a remote, in {wall_s:.2f} s with one that {} (median of pairs {ratio:.3f}x)".format(without, state, **results["dead"][state]))
    finally:
        process.kill()
    common.write_json(arguments.json, "shared", workspace, {"runs": arguments.runs}, results)
