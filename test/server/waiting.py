# Who waits for a job, or follows it, costs nothing until there is news: nobody looks at the job meanwhile. Who leaves is
# forgotten, even with another request on its way; the end reaches all others, and so does that of the server.
# RUN: %python %s %t
import json

from harness import Server, compile_wat, connect, different, fresh_folder, hello_wasm, read_all, until

folder = fresh_folder()
functions = "".join(f"(func (export \"f{i}\") (param i32) (result i32)" +
                    "".join(f" (local.set 0 (i32.mul (local.get 0) (i32.const {i + k})))" for k in range(40)) +
                    " local.get 0)" for i in range(8000))
with open(f"{folder}/long.wat", "w") as file:
    file.write(f"(module (memory 1) {functions})")


def ask(server, job, more="", events=False):
    """A connection on which somebody waits."""
    connection = connect(server.port)
    accept = "Accept: text/event-stream\r\n" if events else ""
    connection.sendall(f"GET /v1/jobs/{job}?wait=60 HTTP/1.1\r\nHost: x\r\n{accept}\r\n{more}".encode())
    return connection


def answer(connection):
    """The job in the answer, or in the last event."""
    return json.loads(read_all(connection).strip().splitlines()[-1].removeprefix(b"data: "))


server = Server(folder, "--workers", "1", "--threads", "1")
with server:
    _, running = server.upload(compile_wat(f"{folder}/long.wat", f"{folder}/long.wasm"), "?target=host")
    _, queued = server.upload(different(hello_wasm(folder), "queued"), "?target=host")
    last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    waiting = [ask(server, queued["id"]) for _ in range(20)]
    pipelined = [ask(server, queued["id"], last) for _ in range(5)]
    following = [ask(server, queued["id"], events=True) for _ in range(10)]
    until(lambda: server.stats()["watchers"] == 35)
    before = server.stats()
    for _ in range(200):
        after = server.stats()
    assert (after["job_looks"], after["watchers"]) == (before["job_looks"], 35), (before, after)

    for connection in waiting[:10] + pipelined[:2] + following[:5]:
        connection.close()
    until(lambda: server.stats()["watchers"] == 18)
    assert server.request("DELETE", f"/v1/jobs/{queued['id']}")[0] == 202
    for connection in following[5:]:
        assert answer(connection)["state"] == "cancelled"
    for connection in waiting[10:] + pipelined[2:]:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    stats = server.stats()
    # Each once more, and for the answer to DELETE.
    assert (stats["job_looks"], stats["watchers"]) == (before["job_looks"] + 36, 0), (before, stats)

    # Without the server's help they would wait for another minute, and it would cut them off.
    assert server.get_json(f"/v1/jobs/{running['id']}")["state"] == "running"
    waiting = [ask(server, running["id"]) for _ in range(5)]
    until(lambda: server.stats()["watchers"] == 5)
for connection in waiting:
    assert answer(connection)["state"] in ("queued", "running")
