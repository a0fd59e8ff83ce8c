"""benchmarks/run serve: requests per second and latency through aotc-node, with a fresh instance per request, beside the same
Go program built natively as one long-lived server. wrk is the client, on the same machine.

With 64 connections there are two apps, so two tenant processes, and two native servers, and two wrk with half of the
connections each; with one connection there is one of each.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import urllib.request

import common

SECONDS = 5
UNITS = {"us": 1, "ms": 1e3, "s": 1e6}


def wrk(host, port, connections):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--latency", f"http://{host}:{port}/abc"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read(process):
    text = process.communicate()[0]
    if process.returncode != 0 or "Non-2xx" in text or "Socket errors" in text:
        common.fail(f"wrk: {text}")
    latency = {p: float(n) * UNITS[unit] for p, n, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)\b", text)}
    return {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), "p50": latency["50"], "p99": latency["99"]}


def start_native(program):
    """The native server with its listening socket as fd 3; returns (process, port)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4096)
        fd = listener.fileno()
        process = subprocess.Popen([program], preexec_fn=lambda: os.dup2(fd, 3), pass_fds=(fd, 3), stdout=subprocess.DEVNULL)
        return process, listener.getsockname()[1]


def start_node(workspace, artifact):
    """One node with two apps, told apart by their host."""
    command = [os.path.join(workspace.build, "bin", "aotc-node"), "serve", "--listen", "127.0.0.1:0", "--deadline", "1s",
               "--app", f"a={artifact}", "--app", f"b={artifact}", "--route", "127.0.0.1=a", "--route", "localhost=b"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    port, ready = None, 0
    while ready < 2:
        line = json.loads(process.stderr.readline() or common.fail("aotc-node ended"))
        port = int(line["message"].rsplit(":", 1)[1]) if "listening" in line["message"] else port
        ready += line["message"] == "ready"
    threading.Thread(target=lambda: [None for _ in process.stderr], daemon=True).start()
    return process, port


def measure(targets, connections):
    """All targets at the same time; requests add up, of latencies the worse counts."""
    clients = [wrk(host, port, connections // len(targets)) for host, port in targets]
    figures = [read(client) for client in clients]
    return {"rps": sum(f["rps"] for f in figures), "p50": max(f["p50"] for f in figures), "p99": max(f["p99"] for f in figures)}


def main(workspace, arguments):
    if shutil.which("wrk") is None:
        common.fail("wrk is missing (apt-get install wrk)")
    results, rows = {}, []
    request = workspace.path("warmup.http")
    with open(request, "wb") as file:
        file.write(b"GET /abc HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for program in arguments.names or ["nethttp", "nethttp+unrehearsed", "templates", "templates+warmup", "setup"]:
        source, how = common.frozen_how(program, request)
        artifact = workspace.path(f"{program}.frozen.aotc")
        native, module = workspace.go_build(source, wasm=False), workspace.go_build(source, wasm=True)
        common.run([workspace.aotc(), "compile", module, "--snapshot", "required", *how, "-o", artifact])
        node, port = start_node(workspace, artifact)
        natives = [start_native(native) for _ in range(2)]
        try:
            servers = {"aotc-node": [("127.0.0.1", port), ("localhost", port)],
                       "native": [("127.0.0.1", p) for _, p in natives]}
            for host, port in servers["aotc-node"] + servers["native"]:
                urllib.request.urlopen(f"http://{host}:{port}/abc").read()  # each is set up
            for connections in (1, 64):
                for _ in range(arguments.runs):
                    for name, targets in servers.items():
                        used = targets[:1] if connections == 1 else targets
                        results.setdefault((program, connections, name), []).append(measure(used, connections))
                for name in servers:
                    runs = results[program, connections, name]
                    rows.append([program, connections, name] + [f"{common.median([r[key] for r in runs]):.0f}" for key in ("rps", "p50", "p99")])
                ours, theirs = (common.median([r["rps"] for r in results[program, connections, name]]) for name in servers)
                rows[-2].append(f"{ours / theirs:.2f}x")
                rows[-1].append("1x")
        finally:
            for process in [node] + [p for p, _ in natives]:
                process.kill()
                process.wait()
    print(f"median of {arguments.runs} interleaved runs of {SECONDS} s; latencies in microseconds, seen by the client")
    common.print_table(rows, ["program", "connections", "server", "requests/s", "p50", "p99", "against native"])
    common.write_json(arguments.json, "serve", workspace, {"runs": arguments.runs, "seconds": SECONDS},
                      {" ".join(map(str, key)): value for key, value in results.items()})
