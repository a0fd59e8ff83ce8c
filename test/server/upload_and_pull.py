# A module that was uploaded can be pulled for each platform, checked by its digest, and run; the second upload compiles
# nothing.
# RUN: %python %s %t
import json
import subprocess

from harness import AOTC, Server, fresh_folder, hello_wasm, sha256

folder = fresh_folder()
wasm = hello_wasm(folder)
with Server(folder) as server:
    status, job = server.upload(wasm, "?name=demo/hello&tag=v1&tier=quick")
    assert status == 202, status
    job = server.wait(job["id"])
    assert job["state"] == "done" and job["module"] == sha256(wasm), job

    status, headers, body = server.request("GET", "/v2/demo/hello/manifests/v1")
    assert status == 200 and headers["content-type"] == "application/vnd.oci.image.index.v1+json", headers
    assert headers["docker-content-digest"] == sha256(body) == job["index"]
    platforms = {m["platform"]["architecture"]: m["digest"] for m in json.loads(body)["manifests"]}
    assert set(platforms) == {"amd64", "arm64", "wasm"}, platforms
    portable = server.get_json(f"/v2/demo/hello/manifests/{platforms.pop('wasm')}")["layers"][0]
    assert portable["mediaType"] == "application/wasm", portable
    assert server.get(f"/v2/demo/hello/blobs/{portable['digest']}") == wasm
    for architecture, digest in platforms.items():
        manifest = server.get_json(f"/v2/demo/hello/manifests/{digest}")
        config = server.get_json(f"/v2/demo/hello/blobs/{manifest['config']['digest']}")
        assert config["architecture"] == architecture and config["aotc"]["module"] == sha256(wasm), config
        layer = manifest["layers"][0]
        artifact = server.get(f"/v2/demo/hello/blobs/{layer['digest']}")
        assert sha256(artifact) == layer["digest"] and len(artifact) == layer["size"]
        with open(f"{folder}/{architecture}.aotc", "wb") as file:
            file.write(artifact)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[subprocess.check_output(["uname", "-m"], text=True).strip()]
    assert subprocess.check_output([AOTC, "run", f"{folder}/{machine}.aotc"]) == b"hello\n"

    # A variant for each baseline.
    variants = server.wait(server.upload(wasm, "?name=demo/variants&tier=quick&cpu=x86-64-v4,x86-64-v2,x86-64-v4")[1]["id"])
    found = [m["platform"] for m in server.get_json(f"/v2/demo/variants/manifests/{variants['index']}")["manifests"]]
    assert [(p["architecture"], p.get("variant")) for p in found] == [("amd64", "v2"), ("amd64", "v4"), ("arm64", None), ("wasm", None)]
    for wrong in ("armv8-a,armv8.2-a", "x86-64-v9"):
        assert server.upload(wasm, f"?name=demo/variants&cpu={wrong}")[0] == 400, wrong
    assert server.request("DELETE", f"/v2/demo/variants/manifests/{variants['index']}")[0] == 202

    # Known: another name gets the same image at once.
    status, again = server.upload(wasm, "?name=other&tier=quick")
    assert status == 200 and again["id"] == job["id"] and again["index"] == job["index"], again
    assert sha256(server.get("/v2/other/manifests/latest")) == job["index"]
    assert server.get_json("/v2/demo/hello/tags/list") == {"name": "demo/hello", "tags": ["v1"]}
    assert {m["id"] for m in server.get_json("/v1/modules")["modules"]} == {job["id"], variants["id"]}
    stats = server.stats()
    assert (stats["uploads"], stats["compiled"], stats["cache_hits"]) == (3, 2, 1), stats
    assert b"aotc_compiled_total 2\n" in server.get("/metrics")
