# Data of a schema version that the server does not know is refused, with both numbers, and nothing in it is changed.
# RUN: %python %s %t
import os
import subprocess

from harness import BIN, Server, StoreFiles, fresh_folder, hello_wasm, sha256

folder = fresh_folder()
server = Server(folder)
with server:
    job = server.wait(server.upload(hello_wasm(folder), "?tier=quick&target=host&name=app")[1]["id"])
store = StoreFiles(server.data)
known = store.get("default", b"schema")


def content():
    return {name: sha256(open(f"{store.path}/{name}", "rb").read())
            for name in os.listdir(store.path) if not name.startswith("LOG")}


for version in (b"999", b"1", b"", b"x"):
    store.put("default", b"schema", version)
    if version == b"1":
        store.edit("drop", "pins", b"")  # which an older one did not have
    before = content()
    for command in ([], ["backup", "--to", f"{folder}/backups"]):
        words = [os.path.join(BIN, "aotc-server"), *command, "--data", server.data]
        refused = subprocess.run(words, capture_output=True, text=True, timeout=60)
        expected = f"schema version {version.decode()}, this server reads version {known.decode()}"
        assert refused.returncode == 1 and expected in refused.stderr, refused
    assert content() == before, version
store.put("default", b"schema", known)
with server:
    assert server.get_json(f"/v1/jobs/{job['id']}")["state"] == "done"
