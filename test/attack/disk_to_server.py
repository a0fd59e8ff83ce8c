# Damage in the store is found by whoever reads it and by the scrub, answered with 500 and never served; an artifact is
# compiled again from its module, to the same bytes; a module is lost until it is uploaded again.
# RUN: %python %s %t
import http.client
import json

from harness import Server, StoreFiles, fresh_folder, hello_wasm, padded, until

folder = fresh_folder()
wasm = padded(hello_wasm(folder), bytes(range(256)) * 3000)  # of several chunks
server = Server(folder, "--workers", "1", "--scrub-rate", "0")
with server:
    job = server.wait(server.upload(wasm, "?tier=quick&target=host&name=app")[1]["id"])
    assert job["state"] == "done", job
    module, artifact, index = job["module"], job["artifacts"][0]["digest"], job["index"]
    parts = [artifact, index]
    good = {digest: server.get(f"/v2/app/blobs/{digest}") for digest in [module, *parts]}
    stats = server.stats()
    assert stats["chunk_cache_misses"] > 0 and stats["damaged_blobs"] == 0, stats
    for digest in good:
        server.get(f"/v2/app/blobs/{digest}")
    again = server.stats()
    assert again["chunk_cache_misses"] == stats["chunk_cache_misses"], "the second time from memory"
    assert again["chunk_cache_hits"] > stats["chunk_cache_hits"]


def messages():
    return [json.loads(line) for line in open(server.log)]


def logged(message, digest):
    return any(line["message"] == message and line.get("digest") == digest for line in messages())


store = StoreFiles(server.data)
for digest in parts:
    store.damage(digest, 0)
with server:  # a reader finds it
    for digest in parts:
        status, _, body = server.request("GET", f"/v2/app/blobs/{digest}")
        assert status == 500 and b"damaged" in body, (status, body)
        assert logged("a blob is damaged", digest)
    until(lambda: server.stats()["damaged_blobs"] == 0 and server.stats()["compiled"] > 0)  # its job is done again
    assert server.stats()["repairs"] >= 1, server.stats()
    for digest in parts:
        assert server.get(f"/v2/app/blobs/{digest}") == good[digest]
        assert logged("a damaged blob is whole again", digest)
    assert server.get("/v2/app/manifests/latest") == good[index]

# The last chunk of the module only: what comes before it has been sent when a reader meets it.
store.damage(module, (len(wasm) - 1) // (256 << 10))
with server:
    try:
        body = server.get(f"/v2/app/blobs/{module}")
        assert False, "the damage was not noticed"
    except (OSError, http.client.IncompleteRead):
        pass
    status, _, body = server.request("GET", f"/v2/app/blobs/{module}")
    assert status == 500 and b"BLOB_DAMAGED" in body, (status, body)
    until(lambda: logged("a damaged blob is lost until it is uploaded again", module))
    assert server.stats()["repairs"] == 0
with server:  # still known after a restart
    assert server.request("GET", f"/v2/app/blobs/{module}")[0] == 500
    status, _ = server.upload(wasm, "?tier=quick&target=host&name=app")
    assert status == 200 and server.stats()["damaged_blobs"] == 0, "the rest of the image was intact"
    assert server.get(f"/v2/app/blobs/{module}") == wasm

# The scrub finds what nobody asks for: a chunk that is gone, and chunks whose checksums are right, but in wrong order.
server.options = ("--workers", "1", "--scrub-rate", "1G", "--scrub-every", "0s")
store.delete("chunks", store.chunk_key(artifact, 0))
with server:
    until(lambda: server.stats()["repairs"] == 1 and server.stats()["damaged_blobs"] == 0)
    assert server.get(f"/v2/app/blobs/{artifact}") == good[artifact]
chunks = [store.get("chunks", store.chunk_key(module, index)) for index in (0, 1)]
for index in (0, 1):
    store.put("chunks", store.chunk_key(module, index), chunks[1 - index])
with server:
    until(lambda: server.stats()["damaged_blobs"] == 1)
    assert server.request("GET", f"/v2/app/blobs/{module}")[0] == 500
    server.upload(wasm, "?tier=quick&target=host&name=app")
    before = server.stats()["scrubbed_blobs"]
    until(lambda: server.stats()["scrubbed_blobs"] > before + 20)  # round after round
    assert server.stats()["damaged_blobs"] == 0 and server.get(f"/v2/app/blobs/{module}") == wasm
