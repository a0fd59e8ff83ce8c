"""benchmarks/run server: aotc-server beside nginx serving the same files on loopback, beside the command line for compiling
a net/http module, and how many small jobs it does for 1 to 64 clients.

Names choose parts: downloads, latency, jobs.
"""
import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import common

SECONDS = 4
CONNECTIONS = 32
SIZES = {"64 KB": 64 << 10, "1 MB": 1 << 20}
CLIENTS = [1, 4, 16, 64]
JOB_SECONDS = 8
EMPTY_MODULE = b"\0asm\1\0\0\0"
# (memory 1) (func (export "_start")): the least that compiles.
SMALL_MODULE = EMPTY_MODULE + bytes.fromhex("01040160000003020100050301000107" "0a01065f7374617274" "0000" "0a040102000b")


def section(content):
    """A custom section that holds `content`."""
    body, size = b"\4note" + content, b""
    length = len(body)
    while length >= 128:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return b"\0" + size + bytes([length]) + body


def module_of(size):
    """A module of exactly `size` bytes, most of which do not compress."""
    filler, block = b"", b"aotc"
    while len(filler) < size:
        block = hashlib.sha256(block).digest()
        filler += block
    missing = size - len(SMALL_MODULE) - len(section(filler[:size - 100])) + size - 100
    return SMALL_MODULE + section(filler[:missing])


class Server:
    def __init__(self, workspace, *options):
        self.data = workspace.path("server-data")
        shutil.rmtree(self.data, ignore_errors=True)
        command = [os.path.join(workspace.build, "bin", "aotc-server"), "--data", self.data, "--listen", "127.0.0.1:0",
                   "--no-request-log", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int((self.process.stdout.readline() or common.fail("aotc-server ended")).rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.data)

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def ask(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    answer = response.read()
    if response.status not in (200, 202):
        common.fail(f"{method} {path}: {response.status} {answer}")
    return response.status, json.loads(answer)


def compile_and_wait(connection, module, options):
    status, job = ask(connection, "POST", "/v1/compile" + options, module)
    while job["state"] != "done":
        if job["state"] in ("failed", "cancelled"):
            common.fail(f"job {job}")
        job = ask(connection, "GET", f"/v1/jobs/{job['id']}?wait=60")[1]
    return status


class Nginx:
    """Serves the files of one folder as nginx does best: sendfile, no log, a worker for each core."""

    def __init__(self, workspace, files):
        folder = workspace.path("nginx")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "files"))
        for name, content in files.items():
            with open(os.path.join(folder, "files", name), "wb") as file:
                file.write(content)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(folder, "nginx.conf"), "w") as file:
            file.write(("user root;\n" if os.getuid() == 0 else "") +
                       f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nworker_processes auto;\n"
                       "events { worker_connections 1024; }\n"
                       f"http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000000;\n"
                       f"  open_file_cache max=100;\n{temporary}"
                       f"  server {{ listen 127.0.0.1:{self.port}; root {folder}/files; }}\n}}\n")
        self.process = subprocess.Popen([nginx_program(), "-c", f"{folder}/nginx.conf", "-e", "stderr"])
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionError:
                time.sleep(0.02)
        common.fail("nginx does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.process.terminate()
        self.process.wait()


def nginx_program():
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx") or \
        common.fail("nginx is missing (apt-get install nginx-light)")


def etag(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("HEAD", path)
    response = connection.getresponse()
    return response.getheader("ETag") if response.status == 200 else common.fail(f"HEAD {path}: {response.status}")


def wrk(port, path, tag=None):
    """Requests per second; `tag` makes every answer a 304."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}"] + (["-H", f"If-None-Match: {tag}"] if tag else [])
    text = common.run(command + [f"http://127.0.0.1:{port}{path}"])[0]
    if "Non-2xx" in text and not tag or "Socket errors" in text:
        common.fail(f"wrk: {text}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))


def measure_downloads(workspace, runs, results):
    if shutil.which("wrk") is None:
        common.fail("wrk is missing (apt-get install wrk)")
    files = {name: module_of(size) for name, size in SIZES.items()}
    rows = []
    with Server(workspace) as server, Nginx(workspace, {str(len(f)): f for f in files.values()}) as nginx:
        paths = {}
        for name, content in files.items():
            compile_and_wait(server.connect(), content, f"?tier=quick&target=host&name=m{len(content)}")
            paths[name] = {"aotc-server": (server.port, f"/v2/m{len(content)}/blobs/sha256:{hashlib.sha256(content).hexdigest()}"),
                           "nginx": (nginx.port, f"/{len(content)}")}
        for name, conditional in [(name, False) for name in SIZES] + [("64 KB", True)]:
            label = "304" if conditional else name
            for _ in range(runs):
                for peer, (port, path) in paths[name].items():
                    rate = wrk(port, path, etag(port, path) if conditional else None)
                    results.setdefault(f"{label} {peer}", []).append(rate)
            rates = {peer: common.median(results[f"{label} {peer}"]) for peer in paths[name]}
            for peer, rate in rates.items():
                megabytes = "" if conditional else f"{rate * SIZES[name] / 1e6:.0f}"
                rows.append([label, peer, f"{rate:.0f}", megabytes, f"{rate / rates['nginx']:.2f}x"])
    print(f"downloads: median of {runs} interleaved runs of {SECONDS} s, {CONNECTIONS} connections")
    common.print_table(rows, ["answer", "server", "requests/s", "MB/s", "against nginx"])


def measure_latency(workspace, runs, results):
    path = workspace.go_build("nethttp", wasm=True)
    with open(path, "rb") as file:
        module = file.read()
    changed = workspace.path("nethttp.changed.wasm")
    with Server(workspace) as server:
        command = [workspace.aotc(), "compile", changed]
        remote = ["--server", f"http://127.0.0.1:{server.port}", "--name", "nethttp"]
        for number in range(runs):
            with open(changed, "wb") as file:
                file.write(module + section(b"%d" % number))
            for kind, options in (("command line", ["-o", workspace.path("nethttp.changed.aotc")]), ("server, new", remote),
                                  ("server, known", remote)):
                results.setdefault(kind, []).append(common.run(command + options)[1].wall)
            connection, sent, start = server.connect(), module + section(b"%d" % number), time.monotonic()
            question = {"module": "sha256:" + hashlib.sha256(sent).hexdigest(), "target": "host", "name": "nethttp"}
            known = [ask(connection, "POST", "/v1/compile", json.dumps(question), {"Content-Type": "application/json"})[0]]
            results.setdefault("request, known", []).append(time.monotonic() - start)
            start = time.monotonic()
            known.append(ask(connection, "POST", "/v1/compile?tier=best&target=host&name=nethttp", sent)[0])
            results.setdefault("upload, known", []).append(time.monotonic() - start)
            if known != [200, 200]:
                common.fail(f"the server does not know a module that it has compiled: {known}")
    base = results["command line"]
    rows = [[kind, f"{common.median(times):.3f}", f"{common.median([t / b for t, b in zip(times, base)]):.2f}x"]
            for kind, times in results.items() if len(times) == len(base)]
    print(f"\na net/http module of {len(module) / 1e6:.1f} MB, from upload to artifact: median of {runs} interleaved runs")
    common.print_table(rows, ["way", "seconds", "against the command line, pair by pair"])


def measure_jobs(workspace, runs, results):
    rows, number = [], 0
    with Server(workspace, "--workers", str(os.cpu_count()), "--threads", "1", "--queue", "1000") as server:

        def client(first, end):
            connection, done = server.connect(), 0
            while time.monotonic() < end:
                compile_and_wait(connection, SMALL_MODULE + section(b"%d.%d" % (first, done)), "?tier=quick&target=host&name=m")
                done += 1
            return done

        for clients in CLIENTS:
            for _ in range(runs):
                end, start = time.monotonic() + JOB_SECONDS, time.monotonic()
                with concurrent.futures.ThreadPoolExecutor(clients) as pool:
                    done = sum(pool.map(client, range(number, number + clients), [end] * clients))
                number += clients
                results.setdefault(f"{clients} clients", []).append(done / (time.monotonic() - start))
            rows.append([str(clients), f"{common.median(results[f'{clients} clients']):.1f}"])
    print(f"\nsmall modules compiled, each a job in a process of its own: median of {runs} runs of {JOB_SECONDS} s")
    common.print_table(rows, ["clients", "jobs/s"])


def main(workspace, arguments):
    parts = {"downloads": measure_downloads, "latency": measure_latency, "jobs": measure_jobs}
    results = {}
    for name in arguments.names or parts:
        if name not in parts:
            common.fail(f"no part is called {name}; known: {', '.join(parts)}")
        parts[name](workspace, arguments.runs, results.setdefault(name, {}))
    common.write_json(arguments.json, "server", workspace, {"runs": arguments.runs, "seconds": SECONDS}, results)
