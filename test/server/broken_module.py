# A module that cannot be compiled fails its own job with a problem document that names the fault; nothing is published.
# RUN: %python %s %t
from harness import Server, different, fresh_folder, hello_wasm

folder = fresh_folder()
wasm = hello_wasm(folder)
with Server(folder) as server:
    for number, broken in enumerate([wasm[:-3], wasm[:8] + b"\xff" * 40, b"not a module", b"\0asm\1\0\0\0\1\x80"]):
        status, job = server.upload(broken, f"?name=broken{number}&tier=quick")
        assert status == 202, (status, job)
        job = server.wait(job["id"])
        assert job["state"] == "failed" and job["error"]["status"] == 422, job
        assert job["error"]["title"] and job["error"]["detail"].startswith("module.wasm: "), job
        assert server.request("GET", f"/v2/broken{number}/manifests/latest")[0] == 404
    assert server.stats()["failed"] == 4

    for options in ("?target=vax", "?cpu=vax", "?tier=fast", "?name=Upper", "?name=../x", "?tag=.x", "?bogus=1"):
        status, headers, body = server.request("POST", "/v1/compile" + options, wasm)
        assert status == 400 and headers["content-type"] == "application/problem+json", (options, status, body)
    status, headers, body = server.request("POST", "/v1/compile", b"")
    assert status == 400 and b"empty" in body, body
    assert server.stats()["uploads"] == 4, "refused options must not store the body"

    status, job = server.upload(different(wasm, "good"), "?tier=quick&target=host")
    assert server.wait(job["id"])["state"] == "done"
