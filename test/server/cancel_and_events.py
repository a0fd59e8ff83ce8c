# A job can be followed by server-sent events and cancelled, before it has a worker and while it has one.
# RUN: %python %s %t
import http.client
import json
import subprocess

from harness import AOTC, Server, compile_wat, different, fresh_folder, hello_wasm
from registry_of_lies import Registry

folder = fresh_folder()
wasm = hello_wasm(folder)


def events(server, job):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("GET", f"/v1/jobs/{job}", headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    assert response.status == 200 and response.getheader("content-type") == "text/event-stream"
    for block in response.read().decode().split("\n\n")[:-1]:
        kind, data = block.split("\n", 1)
        yield kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


# So many functions that the worker is still there when it is cancelled.
functions = "".join(f"(func (export \"f{i}\") (param i32) (result i32)" +
                    "".join(f" (local.set 0 (i32.mul (local.get 0) (i32.const {i + k})))" for k in range(40)) +
                    " local.get 0)" for i in range(4000))
with open(f"{folder}/long.wat", "w") as file:
    file.write(f"(module (memory 1) {functions})")

with Server(folder, "--workers", "1", "--threads", "1") as server:
    long = compile_wat(f"{folder}/long.wat", f"{folder}/long.wasm")
    _, first = server.upload(long, "?target=host")
    _, second = server.upload(wasm, "?tier=quick&target=host&name=second")
    status, _, _ = server.request("DELETE", f"/v1/jobs/{second['id']}")
    assert status == 202 and server.wait(second["id"])["state"] == "cancelled"
    while server.get_json(f"/v1/jobs/{first['id']}")["state"] != "running":
        pass
    assert server.request("DELETE", f"/v1/jobs/{first['id']}")[0] == 202
    record = server.wait(first["id"])
    assert record["state"] == "cancelled" and record["error"]["status"] == 409, record
    # By the command line.
    def aotc(*words, code=0):
        done = subprocess.run([AOTC, *words], capture_output=True, text=True)
        assert done.returncode == code, done
        return done.stdout if code == 0 else done.stderr

    host = f"127.0.0.1:{server.port}"
    assert {line.split()[0] for line in aotc("jobs", host, "--state", "cancelled").splitlines()} == {first["id"], second["id"]}
    assert aotc("jobs", host, "--state", "done") == "" and " second:latest" in aotc("jobs", host), aotc("jobs", host)
    assert {job["state"] for job in json.loads(aotc("jobs", host, "--json"))} == {"cancelled"}
    assert "the job has ended" in aotc("cancel", host, first["id"], code=1) and "there is no such job" in aotc("cancel", host, "0" * 32, code=1)
    assert "not the id of a job: x" in aotc("cancel", host, "x", code=2) and "a server is needed" in aotc("jobs", host + "/second", code=2)
    for job, expected in ((first["id"], 409), ("0" * 32, 404), ("x", 404)):
        assert server.request("DELETE", f"/v1/jobs/{job}")[0] == expected, job
    assert server.request("GET", "/v2/second/tags/list")[0] == 404

    # Asked for again, both are compiled.
    _, third = server.upload(different(long, "again"), "?target=host&tier=quick&name=third")
    _, again = server.upload(wasm, "?tier=quick&target=host&name=second")
    assert again["id"] == second["id"]
    seen = list(events(server, third["id"]))
    assert [kind for kind, _ in seen] == ["progress"] * (len(seen) - 1) + ["end"], seen
    assert seen[-1][1]["state"] == "done" and len({str(data) for _, data in seen}) == len(seen), seen
    assert any("progress" in data for _, data in seen), seen
    assert server.wait(again["id"])["state"] == "done"
    assert list(events(server, again["id"])) == [("end", server.get_json(f"/v1/jobs/{again['id']}"))]
    stats = server.stats()
    assert (stats["cancelled"], stats["failed"], stats["compiled"]) == (2, 0, 2), stats

# A server that lies: what it says stands on one line, and its pages end.
paths = {"/v1/jobs": ("application/json", json.dumps({"jobs": [{"id": "a\n\x1b[2J", "state": "done", "images": [{"name": 1, "tag": []}, "x"], "error": "no"}, 7], "last": "a"}).encode())}
with Registry(paths) as liar:
    assert aotc("jobs", liar.host) == "a??[2J  done       : :\n            \n" * 2, aotc("jobs", liar.host)
    paths["/v1/jobs"] = ("application/json", b'{"jobs": ' + b"[" * 1000000 + b"]" * 1000000 + b"}")
    assert len(aotc("jobs", liar.host, "--json")) < 10000
    paths["/v1/jobs"] = ("application/json", b"[" * 100000)
    assert "says nothing of jobs" in aotc("jobs", liar.host, code=1)
