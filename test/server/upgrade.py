# Data of schema version 3, in which tenants shared blobs, is upgraded at the start: each tenant has a blob of its own then,
# and everything it had. An upgrade that was cut off is gone on with. Only a server that will serve the data does it.
# RUN: %python %s %t
import os
import subprocess

from harness import BIN, Server, StoreFiles, different, fresh_folder, hello_wasm, sha256, write_tokens

folder = fresh_folder()
wasm = different(hello_wasm(folder), "x" * 100)
OPTIONS = "?tier=quick&target=host&name="


def downgrade(store, keep):
    """Back to version 3, but for blobs whose digests start with `keep`."""
    def keys(family):
        return [bytes.fromhex(line) for line in store.edit("list", family, b"").split()]

    for key in keys("blobs"):
        digest = key.split(b"\0")[0]
        if not digest.startswith(keep):
            store.put("blobs", digest, store.get("blobs", key))
            store.delete("blobs", key)
    for family in ("garbage", "damaged"):
        for key in keys(family):
            store.delete(family, key)
    for key in keys("links"):
        if not key.split(b"\0")[1].startswith(keep):
            store.put("links", key, store.get("links", key).split(b"\0")[1])
    store.put("default", b"schema", b"3")


tokens = write_tokens(folder, {name: {"tokens": {name: ["pull", "push"]}} for name in ("acme", "evil")})
server = Server(folder, "--token-file", tokens)
acme, evil, root = (server.as_user(name) for name in ("acme", "evil", "root"))


def start(*options):
    server.options = ("--token-file", tokens, *options)
    server.start()
    for user in (acme, evil, root):
        user.port = server.port


for keep in (b"none", b"sha256:"[:7] + b"a"):
    start()
    jobs = {user: user.wait(user.upload(wasm, OPTIONS + user.token + "/app")[1]["id"]) for user in (acme, evil)}
    server.__exit__(None, None, None)
    downgrade(StoreFiles(server.data), keep)
    refused = subprocess.run([os.path.join(BIN, "aotc-server"), "backup", "--data", server.data, "--to", f"{folder}/backup"],
                             capture_output=True, text=True)
    assert refused.returncode == 1 and "schema version 3, this server reads version 4" in refused.stderr, refused
    start("--workers", "0")
    for user, job in jobs.items():
        assert sha256(user.get(f"/v2/{user.token}/app/blobs/{job['module']}")) == job["module"]
        for entry in job["artifacts"]:
            assert sha256(user.get(f"/v2/{user.token}/app/blobs/{entry['digest']}")) == entry["digest"]
        assert user.upload(wasm, OPTIONS + user.token + "/app&tag=v2")[0] == 200, "it is there"
    assert root.stats()["damaged_blobs"] == 0
    before = root.stats()["store_bytes"]
    assert acme.request("DELETE", f"/v2/acme/app/manifests/{jobs[acme]['index']}")[0] == 202
    job = jobs[evil]
    assert sha256(evil.get(f"/v2/evil/app/blobs/{job['module']}")) == job["module"]
    server.__exit__(None, None, None)
    start("--workers", "0")
    assert root.stats()["store_bytes"] == before / 2, "each had its own"
    server.__exit__(None, None, None)

# Without tenants all of it is one's.
server = Server(folder + "/open")
with server:
    jobs = {name: server.wait(server.upload(wasm, OPTIONS + name)[1]["id"]) for name in ("hello", "a/b")}
    before = server.stats()["store_bytes"]
store = StoreFiles(server.data)
downgrade(store, b"none")
for line in store.edit("list", "owners", b"").split():  # owners were the repositories' first parts
    digest, value = bytes.fromhex(line).split(b"\0")[0], store.get("owners", bytes.fromhex(line))
    store.delete("owners", bytes.fromhex(line))
    for name in (b"hello", b"a"):
        store.put("owners", digest + b"\0" + name, (1).to_bytes(8, "little") + value[8:])
with server:
    assert server.stats()["store_bytes"] == before
    for name, job in jobs.items():
        assert sha256(server.get(f"/v2/{name}/blobs/{job['artifacts'][0]['digest']}")) == job["artifacts"][0]["digest"]
    assert server.upload(wasm, OPTIONS + "hello")[0] == 200
    assert server.request("DELETE", f"/v2/hello/manifests/{jobs['hello']['index']}")[0] == 202
    assert sha256(server.get(f"/v2/a/b/blobs/{jobs['a/b']['module']}")) == sha256(wasm)
