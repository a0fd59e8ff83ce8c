# The queue is bounded in jobs and in bytes of their modules, for each tenant and in all; uploads under way count, so do jobs
# that a restart finds. Workers of a tenant that run at the same time share its processor time.
# RUN: %python %s %t
import json

from harness import Server, StoreFiles, compile_wat, connect, fresh_folder, hello_wasm, padded, sha256, until, write_tokens

folder = fresh_folder()
hello = hello_wasm(folder)
NAMES = ("acme", "evil", "none")
tenants = {name: {"tokens": {name: ["pull", "push"]}} for name in NAMES}
tenants["none"].update(cpu_seconds=2, workers=2)
tokens = write_tokens(folder, tenants)


def users(server):
    return [server.as_user(name) for name in NAMES]


def module(number, size=0):
    return padded(hello, number.to_bytes(4, "big") + bytes(size))


def upload(user, number, size=0, expected=202, reason=""):
    status, answer = user.upload(module(number, size), "?tier=quick&target=host")
    assert status == expected and reason in answer.get("detail", ""), (status, answer)
    return answer


server = Server(folder + "/jobs", "--token-file", tokens, "--workers", "0", "--queue", "2", "--queue-all", "3")
with server:
    acme, evil, none = users(server)
    first = upload(acme, 0)
    upload(acme, 0)  # joins it
    upload(acme, 1)
    upload(acme, 2, expected=429, reason="too many of your jobs are waiting")
    upload(evil, 3)
    upload(evil, 4, expected=503, reason="too many jobs are waiting")
    assert acme.request("DELETE", f"/v1/jobs/{first['id']}")[0] == 202
    upload(evil, 4)
    assert server.as_user("root").stats()["refused_jobs"] == 2
with server:  # finds three waiting
    acme, evil, none = users(server)
    upload(none, 5, expected=503, reason="too many jobs are waiting")
    # What is there already needs a place only while it is sent, not when it is named.
    known = {"module": sha256(module(1)), "tier": "quick", "target": "host"}
    status, _, job = acme.request("POST", "/v1/compile", json.dumps(known), {"Content-Type": "application/json"})
    assert status == 202, job
    assert acme.request("DELETE", f"/v1/jobs/{json.loads(job)['id']}")[0] == 202
    # An upload that has sent nothing but its header.
    connection = connect(server.port)
    connection.sendall(b"POST /v1/compile HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer none\r\nExpect: 100-continue\r\n"
                       b"Content-Length: 100\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
    upload(acme, 6, expected=503, reason="too many jobs are waiting")
    connection.close()
    until(lambda: acme.upload(hello, "?tier=quick")[0] == 202)

server = Server(folder + "/bytes", "--token-file", tokens, "--workers", "0", "--queue-bytes", "500K", "--queue-all-bytes", "800K")
with server:
    acme, evil, none = users(server)
    upload(acme, 0, 600_000, expected=429, reason="too many of your jobs are waiting")
    upload(acme, 1, 300_000)
    upload(acme, 2, 300_000, expected=429, reason="too many of your jobs are waiting")
    upload(evil, 3, 300_000)
    upload(none, 4, 300_000, expected=503, reason="too many jobs are waiting")
    upload(none, 4, 100_000)
    head = b"POST /v1/compile HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer none\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = server.talk(head + b"30d40\r\n" + bytes(200_000) + b"\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 "), answer[:100]
    assert server.as_user("root").stats()["reserved_bytes"] == 0

# Two jobs at once that would each take more than all of it.
functions = "".join(f"(func (export \"f{i}\") (param i32) (result i32)" +
                    "".join(f" (local.set 0 (i32.load offset={i + k} (local.get 0)))" for k in range(40)) +
                    " local.get 0)" for i in range(12000))
with open(f"{folder}/long.wat", "w") as file:
    file.write(f"(module (memory 1) {functions})")
long = compile_wat(f"{folder}/long.wat", f"{folder}/long.wasm")
server = Server(folder + "/time", "--token-file", tokens, "--workers", "3", "--threads", "1")
with server:
    none = server.as_user("none")
    jobs = [none.upload(padded(long, bytes([number])), "?target=x86_64")[1]["id"] for number in range(2)]
    for job in jobs:
        assert "more processor time than allowed" in none.wait(job)["error"]["detail"]
    assert none.upload(hello)[0] == 429
store = StoreFiles(server.data)
usage = [bytes.fromhex(line) for line in store.edit("list", "usage", b"").split()]
assert sum(int(store.get("usage", key)) for key in usage) < 5000, "milliseconds; one has what the other leaves, and a second"
