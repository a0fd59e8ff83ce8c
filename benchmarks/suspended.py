"""benchmarks/run suspended: the memory of 10,000 net/http instances that are suspended in the middle of their responses.

Each has written 4 KiB to its client and waits. Counted is what the tenant process has beyond its idle state: anonymous memory
and page tables. (Its resident size counts pages of the shared image once per instance.) Before the first request, both processes'
resident size is printed; of the image they have then mapped nothing.
"""
import resource
import socket

import common

COUNT = 10000
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def memory(pid):
    """Bytes of anonymous memory and page tables, and mappings."""
    with open(f"/proc/{pid}/status") as file:
        sizes = dict(line.split(":", 1) for line in file)
    with open(f"/proc/{pid}/maps") as file:
        maps = sum(1 for _ in file)
    return [int(sizes[name].split()[0]) * 1024 for name in ("RssAnon", "VmPTE")] + [maps]


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def start(workspace, artifact):
    return common.start_node(workspace, "--app", f"hold={artifact}", "--max-concurrency", str(COUNT), "--deadline", "10s", "--timeout", "10m")


def main(workspace, arguments):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(COUNT, hard - 2000)
    artifact = workspace.path("hold.frozen.aotc")
    common.run([workspace.aotc(), "compile", workspace.go_build("hold", wasm=True), "--snapshot", "required", "-o", artifact])
    node, port = start(workspace, artifact)
    clients = []
    try:
        with open(f"/proc/{node.pid}/task/{node.pid}/children") as file:
            front, tenant = (int(word) for word in file.read().split())
        idle, idle_resident = memory(tenant), [resident(pid) for pid in (node.pid, front, tenant)]
        for _ in range(count):
            clients.append(socket.create_connection(("127.0.0.1", port)))
            clients[-1].sendall(REQUEST)
        for client in clients:
            data = b""
            while len(data) < 4096:
                data += client.recv(65536) or common.fail("a response ended")
        anonymous, tables, maps = (after - before for after, before in zip(memory(tenant), idle))
    finally:
        node.kill()
        node.wait()
    print("before the first request: supervisor {:.1f} MB, front {:.1f} MB and tenant {:.1f} MB resident".format(*(n / 1e6 for n in idle_resident)))
    print(f"{count} suspended instances: {anonymous / 2**30:.2f} GiB of memory and {tables / 2**30:.2f} GiB of page tables, "
          f"{(anonymous + tables) / count / 1024:.0f} KiB and {maps / count:.1f} mappings each")
    common.write_json(arguments.json, "suspended", workspace, {"count": count},
                      {"idle_resident": idle_resident, "anonymous": anonymous, "page_tables": tables, "mappings": maps})
