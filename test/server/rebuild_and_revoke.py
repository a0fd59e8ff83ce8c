# After an upgrade, what an older compiler made is compiled again: its tags, where they still name it, move to the new image
# and are signed again. What a bad compiler made can be taken away, before or after that; then tags come back that nobody has
# given to something else meanwhile. The test rewrites a job's record to make it an old one.
# RUN: %python %s %t
import json
import os
import subprocess

from harness import AOTC, BIN, Server, StoreFiles, different, fresh_folder, hello_wasm, until

folder = fresh_folder()
wasm = hello_wasm(folder)
subprocess.run([AOTC, "keygen", f"{folder}/fleet"], check=True)
VERSION = subprocess.run([f"{BIN}/aotc-server", "--version"], check=True, text=True, capture_output=True).stdout.split()[1]
server = Server(folder, "--threads", "1", "--sign-key", f"{folder}/fleet.key")


def run(command, compiler, code=0):
    words = [os.path.join(BIN, "aotc-server"), command, "--data", server.data, "--compiler", compiler]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == code, done
    return done.stdout + done.stderr


def compile(module, options):
    job = server.wait(server.upload(module, options)[1]["id"])
    assert job["state"] == "done", job
    return job


def index_of(reference):
    return server.request("GET", f"/v2/{reference}")[1].get("docker-content-digest")


def sequence(repository):
    return int.from_bytes(StoreFiles(server.data).get("sequences", repository.encode()), "little")


with server:
    old = compile(wasm, "?tier=quick&target=host&name=app")
    compile(wasm, "?tier=quick&target=host&name=app&tag=moved")
    compile(wasm, "?tier=quick&target=host&name=twin")
    kept = compile(different(wasm, "kept"), "?tier=quick&target=host&name=kept")
    moved = compile(different(wasm, "moved"), "?tier=quick&target=host&name=app&tag=moved")
    assert old["compiler"] == VERSION, old


def age(job, compiler, digit):
    """An older compiler has another version, so the job another id; that its code differed is played by the tier."""
    store = StoreFiles(server.data)
    key = b"\0" + job["id"].encode()
    record = json.loads(store.get("jobs", key))
    record.update({"id": digit * 32, "compiler": compiler, "tier": "best"})
    store.put("jobs", b"\0" + digit.encode() * 32, json.dumps(record).encode())
    store.delete("jobs", key)


age(old, "0.0.1", "0")
signed = sequence("app")

with server:
    assert "own compiler" in run("rebuild", VERSION, 1)
    assert "0 images" in run("rebuild", "0.0.2")
    assert "1 images" in run("rebuild", "0.0.1")
    until(lambda: server.stats()["compiled"] == 1)
    new = index_of("app/manifests/latest")
    assert new != old["index"] and index_of("twin/manifests/latest") == new
    assert index_of("app/manifests/moved") == moved["index"] and index_of("kept/manifests/latest") == kept["index"]
    assert len(server.get_json(f"/v2/app/referrers/{new}")["manifests"]) == 1, "signed"
    assert index_of(f"app/manifests/{old['index']}") == old["index"], "who asks for the old one still gets it"
    assert "0 images" in run("rebuild", "0.0.1"), "nothing of it is left to be done"
    assert server.stats()["compiled"] == 1
    job = server.wait(server.upload(wasm, "?target=host&name=app")[1]["id"])
    assert job["index"] == new and "again" not in job and "was" not in job["images"][0], job
assert sequence("app") > signed

with server:
    assert "2 images" in run("revoke", "0.0.1")
    for name in ("app", "twin"):
        assert server.request("GET", f"/v2/{name}/manifests/{old['index']}")[0] == 404
        assert index_of(f"{name}/manifests/latest") == new
    assert server.request("GET", "/v1/jobs/" + "0" * 32)[0] == 404
    compile(different(wasm, "kept"), "?tier=quick&target=host&name=kept&tag=taken")

# Revoked first: its module is kept, and so is what it was called.
age(kept, "0.0.3", "3")
with server:
    assert "1 images" in run("revoke", "0.0.3")
    assert server.request("GET", "/v2/kept/manifests/latest")[0] == server.request("GET", "/v2/kept/manifests/taken")[0] == 404
    assert server.get_json("/v1/jobs/" + "3" * 32)["state"] == "revoked"
    taken = compile(different(wasm, "taken"), "?tier=quick&target=host&name=kept&tag=taken")
with server:
    assert "1 images" in run("rebuild", "0.0.3")
    until(lambda: server.stats()["compiled"] == 1)
    again = index_of("kept/manifests/latest")
    assert again and again != kept["index"] and index_of("kept/manifests/taken") == taken["index"]
    assert server.request("GET", "/v1/jobs/" + "3" * 32)[0] == 404 and "0 images" in run("rebuild", "0.0.3")

with server:
    assert "5 images" in run("revoke", VERSION)  # app's two, twin's and kept's
    assert server.get_json("/v2/_catalog")["repositories"] == ["app", "kept", "twin"], "with their revocations"
    for name in ("app", "kept", "twin"):
        assert server.get_json(f"/v2/{name}/tags/list")["tags"] == ["aotc-revocations"]
    assert server.upload(wasm, "?target=host&name=app")[0] == 503, "this compiler's images are not published any more"
