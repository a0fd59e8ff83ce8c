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

    # So does one for another platform, whose name is said. This is an import of i32 -> i32, and nothing else.
    names = b"\x04wapc\x0b__host_call"
    foreign = b"\0asm\1\0\0\0" + b"\1\6\1\x60\1\x7f\1\x7f" + b"\2" + bytes([3 + len(names)]) + b"\1" + names + b"\0\0"
    status, job = server.upload(foreign, "?tier=quick")
    assert status == 202, (status, job)
    job = server.wait(job["id"])
    assert job["state"] == "failed" and job["error"]["status"] == 422, job
    assert 'offset 0x14: import "wapc" "__host_call" belongs to' in job["error"]["detail"], job
    assert job["error"]["detail"].endswith("waPC"), job

    for options in ("?target=vax", "?cpu=vax", "?tier=fast", "?name=Upper", "?name=../x", "?tag=.x", "?bogus=1"):
        status, headers, body = server.request("POST", "/v1/compile" + options, wasm)
        assert status == 400 and headers["content-type"] == "application/problem+json", (options, status, body)
    status, headers, body = server.request("POST", "/v1/compile", b"")
    assert status == 400 and b"empty" in body, body
    assert server.stats()["uploads"] == 5, "refused options must not store the body"

    status, job = server.upload(different(wasm, "good"), "?tier=quick&target=host")
    assert server.wait(job["id"])["state"] == "done"
