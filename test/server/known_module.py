# Who names a module that is there need not upload it again; that is no way to learn what other tenants have. The command
# line asks this way first.
# RUN: %python %s %t
import json
import os
import subprocess

from harness import AOTC, Server, different, fresh_folder, hello_wasm, sha256, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
tokens = write_tokens(folder, {"a": {"tokens": {"ta": ["pull", "push"], "reader": ["pull"]}},
                               "b": {"tokens": {"tb": ["pull", "push"]}}})
with Server(folder, "--token-file", tokens) as server:
    a, b, root = (server.as_user(token) for token in ("ta", "tb", "root"))

    def name(user, digest, options="tier=quick&target=host&name=a/app"):
        status, headers, body = user.request("POST", f"/v1/compile?{options}&module={digest}")
        return status, headers, json.loads(body)

    digest = sha256(wasm)
    unknown = name(a, digest)
    assert unknown[0] == 404, unknown
    job = a.wait(a.upload(wasm, "?tier=quick&target=host&name=a/app")[1]["id"])
    status, headers, again = name(a, digest)
    assert status == 200 and again["id"] == job["id"] and headers["location"] == f"/v1/jobs/{job['id']}", again
    status, _, other = name(a, digest, "tier=best&target=host&name=a/best")
    assert status == 202 and a.wait(other["id"])["state"] == "done", other
    assert root.stats()["uploads"] == 1

    options = "tier=quick&target=host&name=b/app"
    hidden, nowhere = name(b, digest, options), name(b, sha256(b"never seen"), options)
    for status, headers, body in (hidden, nowhere):
        assert (status, body) == (unknown[0], unknown[2]) and set(headers) == set(unknown[1]), (hidden, nowhere)
    for wrong, expected in (("sha256:1", 400), ("", 400), (digest + "0", 400)):
        assert name(a, wrong)[0] == expected, wrong
    assert name(a, digest, "name=b/app")[0] == 400 and name(server.as_user("reader"), digest)[0] == 403
    assert name(a, digest, "tier=none")[0] == 400

    def compile(module, tag):
        with open(f"{folder}/app.wasm", "wb") as file:
            file.write(module)
        done = subprocess.run([AOTC, "compile", f"{folder}/app.wasm", "--server", f"http://127.0.0.1:{server.port}",
                               "--target", "host", "--name", f"a/cli:{tag}"], capture_output=True, text=True,
                              env={**os.environ, "AOTC_TOKEN": "ta"})
        assert done.returncode == 0, done

    for tag, uploads in (("one", 2), ("two", 2)):
        compile(different(wasm, "cli"), tag)
        assert root.stats()["uploads"] == uploads
