# What is deleted is gone from its repository at once and from the store after the grace period, but for what another
# repository shares; then the module can be compiled again.
# RUN: %python %s %t
from harness import Server, different, fresh_folder, hello_wasm

folder = fresh_folder()
wasm = hello_wasm(folder)
with Server(folder, "--grace", "1s", "--job-timeout", "2s") as server:
    _, job = server.upload(wasm, "?tier=quick&name=a&tag=one")
    job = server.wait(job["id"])
    assert job["state"] == "done", job
    server.upload(wasm, "?tier=quick&name=a&tag=two")
    server.upload(wasm, "?tier=quick&name=b")
    _, other = server.upload(different(wasm, "other"), "?tier=quick&name=a&tag=other")
    other = server.wait(other["id"])
    failed = server.wait(server.upload(b"not a module", "?name=c")[1]["id"])
    assert failed["state"] == "failed", failed

    index, artifact = job["index"], job["artifacts"][0]["digest"]
    assert server.request("DELETE", "/v2/a/manifests/one")[0] == 202
    assert server.get_json("/v2/a/tags/list")["tags"] == ["other", "two"]
    assert server.request("GET", f"/v2/a/manifests/{index}")[0] == 200, "a tag is not the manifest"
    assert server.request("DELETE", f"/v2/a/manifests/{index}")[0] == 202
    for wrong in ("one", "two", index, "sha256:" + "0" * 64):
        assert server.request("DELETE", f"/v2/a/manifests/{wrong}")[0] == 404, wrong
    assert server.request("DELETE", f"/v2/a/blobs/{artifact}")[0] == 404
    assert server.request("DELETE", f"/v2/b/blobs/{artifact}")[0] == 409, "a manifest names it"
    assert server.get_json("/v2/a/tags/list")["tags"] == ["other"]
    assert server.request("GET", f"/v2/a/blobs/{artifact}")[0] == 404
    assert len(server.get(f"/v2/b/blobs/{artifact}")) == job["artifacts"][0]["size"]
    for entry in other["artifacts"]:
        assert len(server.get(f"/v2/a/blobs/{entry['digest']}")) == entry["size"]

    def wait_for_sweeps(count):
        while server.stats()["swept_blobs"] < count:
            pass
        assert server.stats()["swept_blobs"] == count

    wait_for_sweeps(1)  # "not a module"
    assert server.request("DELETE", f"/v2/b/manifests/{index}")[0] == 202
    parts = 1 + 3 * 2 + 3  # index; manifest and config per platform; the module and its artifacts
    wait_for_sweeps(1 + parts)
    assert server.get(f"/v2/a/blobs/{other['artifacts'][0]['digest']}"), "what is owned stays"
    status, again = server.upload(wasm, "?tier=quick&name=b")
    assert status == 202, again
    again = server.wait(again["id"])
    assert again["state"] == "done" and again["index"] == index, again
    assert len(server.get(f"/v2/b/blobs/{artifact}")) == job["artifacts"][0]["size"]
