"""benchmarks/run outbound: what a request to another server costs a program on a node, beside the same program built natively, and
the memory of 10,000 instances that wait for a server which does not answer.

The program answers /plain by itself, and /ask by asking another server on loopback with http.Get. The difference of the two medians is
what asking costs; natively that is one long-lived server with its own kept connections, on the node a fresh instance each time, and the
broker's. One client, one request at a time, in turns.
"""
import os
import resource
import socket
import subprocess
import time

import common

REQUESTS, COUNT = 2000, 10000


def request(path):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def exchange(connection, words):
    start = time.perf_counter()
    connection.sendall(words)
    answer = connection.recv(65536)
    taken = time.perf_counter() - start
    if not answer.startswith(b"HTTP/1.1 200") or not answer.endswith(b"hello\n"):
        common.fail(answer)
    return taken * 1e6


def start_native(program):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([program, "-listen", f"127.0.0.1:{port}"])
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process, port
        except OSError:
            time.sleep(0.01)


def start_node(workspace, artifact, origin):
    return common.start_node(workspace, "--app", f"a={artifact}", "--allow", f"a=http://127.0.0.1:{origin}", "--deadline", "10s", "--timeout", "10m",
                             "--max-concurrency", str(COUNT), "--max-outbound", str(COUNT))


def memory(pid):
    with open(f"/proc/{pid}/status") as file:
        sizes = dict(line.split(":", 1) for line in file)
    return sum(int(sizes[name].split()[0]) * 1024 for name in ("RssAnon", "VmPTE"))


def measure(servers, origin, runs):
    """(server, path) -> the median of each run, in microseconds."""
    paths = {"plain": request("/plain"), "ask": request(f"/ask?to=http://127.0.0.1:{origin}/origin")}
    results = {}
    connections = {name: socket.create_connection(("127.0.0.1", port)) for name, port in servers.items()}
    for connection in connections.values():
        for words in paths.values():
            for _ in range(50):
                exchange(connection, words)
    for _ in range(runs):
        times = {}
        for _ in range(REQUESTS):
            for name, connection in connections.items():
                for path, words in paths.items():
                    times.setdefault((name, path), []).append(exchange(connection, words))
        for key, values in times.items():
            results.setdefault(key, []).append(common.median(values))
    return results


def waiting(node, port, origin, count):
    """Bytes of the tenants and the broker beyond what they had."""
    with open(f"/proc/{node.pid}/task/{node.pid}/children") as file:
        children = [int(word) for word in file.read().split()]
    words = {pid: open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")[:2] for pid in children}
    tenant = next(pid for pid in children if words[pid][1] == b"--tenant")
    broker = next(pid for pid in children if words[pid][0] == b"aotc-broker")
    before = {pid: memory(pid) for pid in (tenant, broker)}
    clients = []
    for _ in range(count):
        clients.append(socket.create_connection(("127.0.0.1", port)))
        clients[-1].sendall(request(f"/ask?to=http://127.0.0.1:{origin}/hold"))
    sockets = lambda: len(os.listdir(f"/proc/{broker}/fd"))
    while sockets() < count:
        time.sleep(0.1)
    return [memory(pid) - before[pid] for pid in (tenant, broker)]


def main(workspace, arguments):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    native = workspace.go_build("outbound", wasm=False)
    module, artifact = workspace.path("outbound.wasm"), workspace.path("outbound.aotc")
    common.run([workspace.aotc(), "build", "-C", os.path.join(common.HERE, "programs"), "./outbound", "-trimpath", "-o", module])
    common.run([workspace.aotc(), "compile", module, "--snapshot", "required", "-o", artifact])
    processes = []
    try:
        process, origin = start_native(native)
        processes.append(process)
        process, native_port = start_native(native)
        processes.append(process)
        node, port = start_node(workspace, artifact, origin)
        processes.append(node)
        results = measure({"native": native_port, "aotc-node": port}, origin, arguments.runs)
        count = min(COUNT, (hard - 2000) // 2)
        tenant, broker = waiting(node, port, origin, count)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    medians = {key: common.median(values) for key, values in results.items()}
    costs = {name: medians[name, "ask"] - medians[name, "plain"] for name in ("native", "aotc-node")}
    print(f"medians of {arguments.runs} runs of {REQUESTS} requests, in microseconds, seen by the client")
    common.print_table([[name] + [f"{medians[name, path]:.0f}" for path in ("plain", "ask")] + [f"{costs[name]:.0f}"] for name in costs],
                       ["server", "asks nobody", "asks another", "what asking costs"])
    print(f"over native: {costs['aotc-node'] - costs['native']:.0f} us")
    print(f"{count} instances that wait for an answer: {tenant / 2**30:.2f} GiB of the tenant's, {broker / 2**20:.0f} MiB of the broker's")
    common.write_json(arguments.json, "outbound", workspace, {"runs": arguments.runs, "requests": REQUESTS, "count": count},
                      {"medians": {" ".join(key): values for key, values in results.items()}, "tenant": tenant, "broker": broker})
