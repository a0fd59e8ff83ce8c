# The log is JSON, a line per request and per job, with the request's id, which the answer has too; hostile text cannot forge
# a line.
# RUN: %python %s %t
import json

from harness import Server, fresh_folder, hello_wasm, write_tokens

folder = fresh_folder()
tokens = write_tokens(folder, {"acme": {"tokens": {"acme": ["pull", "push"]}}})


def lines():
    with open(server.log, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


with Server(folder, "--token-file", tokens) as server:
    acme = server.as_user("acme")
    status, headers, _ = acme.request("GET", "/v2/acme/none/tags/list", headers={"X-Request-Id": "mine-1.a"})
    assert status == 404 and headers["x-request-id"] == "mine-1.a"
    ids = set()
    for bad in ("", "a b", 'a"b', "x" * 65):
        ids.add(acme.request("GET", "/v2/", headers={"X-Request-Id": bad})[1]["x-request-id"])
    assert len(ids) == 4 and all(len(each) == 16 for each in ids), ids
    server.request("GET", "/Gr%C3%BC%C3%9Fe%20aus%20%E6%97%A5%E6%9C%AC%FF")
    server.request("GET", "/x%22,%22level%22:%22forged")
    _, job = acme.upload(hello_wasm(folder), "?tier=quick&target=host")
    acme.wait(job["id"])
    _, broken = acme.upload(b"not a module", "?tier=quick&target=host")
    acme.wait(broken["id"])
    seen = lines()
    assert all(line["level"] in ("info", "error") and line["time"].endswith("Z") for line in seen), seen
    mine = [line for line in seen if line.get("request") == "mine-1.a"]
    assert len(mine) == 1 and (mine[0]["status"], mine[0]["tenant"], mine[0]["method"], mine[0]["path"]) == (
        404, "acme", "GET", "/v2/acme/none/tags/list"), mine
    assert [line["status"] for line in seen if line.get("path") == '/x","level":"forged'] == [401], seen
    assert any(line.get("path") == "/Grüße aus 日本\ufffd" for line in seen), seen
    jobs = {line["job"]: line for line in seen if "job" in line}
    assert jobs[job["id"]]["message"] == "job done" and jobs[job["id"]]["tenant"] == "acme", jobs
    assert jobs[broken["id"]]["reason"].startswith("module.wasm: "), jobs
    assert not any("Bearer" in json.dumps(line) for line in seen)

with Server(folder, "--token-file", tokens, "--no-request-log") as server:
    before = len(lines())
    assert server.as_user("acme").request("GET", "/v2/")[0] == 200
    assert len(lines()) == before
