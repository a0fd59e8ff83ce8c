# A module that the tenant has is compiled with other options, or found compiled, without being sent again: JSON names it.
# Another tenant's is not there. The command line asks this way first.
# RUN: %python %s %t
import json
import os
import subprocess

from harness import AOTC, Server, StoreFiles, fresh_folder, hello_wasm, sha256, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
tokens = write_tokens(folder, {name: {"tokens": {name: ["pull", "push"]}} for name in ("acme", "evil")})


def ask(user, document):
    body = document if isinstance(document, bytes) else json.dumps(document)
    status, headers, answer = user.request("POST", "/v1/compile", body, {"Content-Type": "application/json"})
    return status, json.loads(answer)


with Server(folder, "--token-file", tokens) as server:
    acme, evil, root = (server.as_user(name) for name in ("acme", "evil", "root"))
    module = {"module": sha256(wasm), "tier": "quick", "target": ["x86_64"], "name": "acme/hello"}
    assert ask(acme, module)[0] == 404
    uploaded = acme.upload(wasm, "?tier=quick&target=x86_64&name=acme/hello")[1]
    acme.wait(uploaded["id"])

    status, job = ask(acme, {**module, "tag": "v2"})
    assert status == 200 and job["id"] == uploaded["id"], job
    assert acme.get("/v2/acme/hello/manifests/v2") == acme.get("/v2/acme/hello/manifests/latest")
    status, job = ask(acme, {**module, "target": ["aarch64", "x86_64"], "cpu": "x86-64-v2"})
    assert status == 202 and [t["cpu"] for t in job["targets"]] == ["x86-64-v2", "armv8-a"], job
    assert acme.wait(job["id"])["state"] == "done"
    nowhere = {**module, "module": sha256(b"never seen"), "name": "evil/hello"}
    assert ask(evil, {**module, "name": "evil/hello"}) == ask(evil, nowhere) and ask(evil, nowhere)[0] == 404

    for document, reason in ((b"[]", "not a JSON object"), (b"{", "not a JSON object"), (b"", "not a JSON object"),
                             (b"[" * 60000, "not a JSON object"),
                             ({}, "not a digest"), ({"module": 7}, "not a digest"), ({"module": "sha256:0"}, "not a digest"),
                             ({**module, "tier": {}}, "tier"), ({**module, "target": [["x86_64"]]}, "target"),
                             ({**module, "tier": "slow"}, "expected quick, best or auto: slow"), ({**module, "colour": "red"}, "colour"),
                             ({**module, "name": "evil/hello"}, 'start with "acme/"')):
        status, problem = ask(acme, document)
        assert status == 400 and reason in problem["detail"], (document, status, problem)
    assert root.stats()["uploads"] == 1

    command = [AOTC, "compile", "hello.wasm", "--server", f"http://127.0.0.1:{server.port}", "--tier", "quick",
               "--target", "host", "--name", "acme/again:v3"]
    subprocess.run(command, check=True, cwd=folder, env={**os.environ, "AOTC_TOKEN": "acme"})
    assert root.stats()["uploads"] == 1
    assert acme.get("/v2/acme/again/manifests/v3")
    assert root.stats()["server_errors"] == 0

# Without tenants everybody has what is there, unless it is damaged: then it has to be sent again.
del module["name"]
server = Server(f"{folder}/open")
with server:
    job = server.upload(wasm, "?tier=quick&target=x86_64")[1]
    server.wait(job["id"])
    assert ask(server, module)[0] == 200
StoreFiles(server.data).damage(sha256(wasm), 0, 20)
with server:
    repository = job["images"][0]["name"]
    assert server.request("GET", f"/v2/{repository}/blobs/{sha256(wasm)}")[0] == 500
    assert ask(server, module)[0] == 404
    assert server.upload(wasm, "?tier=quick&target=x86_64")[0] == 200 and ask(server, module)[0] == 200
