# Blobs are compressed for who accepts zstd: another representation of the same blob, with an ETag of its own and without
# ranges. The client asks for it.
# RUN: %python %s %t
import os
import subprocess

import zstd
from harness import AOTC, Server, fresh_folder, hello_wasm, padded, sha256

folder = fresh_folder()
wasm = padded(hello_wasm(folder), b"Ahead of time. " * 100_000)  # of several chunks
with Server(folder) as server:
    job = server.wait(server.upload(wasm, "?tier=quick&target=x86_64&name=app")[1]["id"])
    assert job["state"] == "done", job
    path, plain_tag, zstd_tag = f"/v2/app/blobs/{job['module']}", f'"{job["module"]}"', f'"{job["module"]}+zstd"'

    def ask(accepted, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.request(method, path, headers={"Accept-Encoding": accepted, **headers})

    def is_plain(answer, status=200, body=wasm):
        assert answer[0] == status and answer[2] == body and "content-encoding" not in answer[1], answer[:2]
        assert answer[1]["etag"] == plain_tag and answer[1]["accept-ranges"] == "bytes", answer[1]
        assert answer[1]["vary"] == "Accept-Encoding" and answer[1]["content-length"] == str(len(body)), answer[1]

    for accepted in ("zstd", "gzip, ZSTD;q=0.5", "br;q=1 , zstd ; q=0.001"):
        for repetition in range(2):  # compressed, then from memory
            before = server.stats()["download_bytes"]
            status, headers, body = ask(accepted)
            assert status == 200 and headers["content-encoding"] == "zstd" and headers["etag"] == zstd_tag, headers
            assert headers["vary"] == "Accept-Encoding" and "accept-ranges" not in headers, headers
            assert "content-length" not in headers and headers["docker-content-digest"] == job["module"], headers
            assert len(body) < len(wasm) / 10 and zstd.decompress(body, len(wasm) + 1) == wasm
            assert server.stats()["download_bytes"] == before + len(body)
    for accepted in ("", "gzip", "zstd;q=0", "zstd;q=0.0, gzip", "zstd;q=much", "xzstd"):
        is_plain(ask(accepted))
    is_plain(ask("zstd", Range="bytes=0-9"), 206, wasm[:10])
    is_plain(ask("zstd", Range="bytes=0-9", If_Range=plain_tag), 206, wasm[:10])
    is_plain(ask("zstd", Range="bytes=0-9", If_Range=zstd_tag))  # that one has no ranges
    status, headers, body = ask("zstd", "HEAD")
    assert status == 200 and headers["content-encoding"] == "zstd" and headers["etag"] == zstd_tag and body == b""
    for tag in (plain_tag, zstd_tag):
        for accepted in ("zstd", "gzip"):
            status, headers, body = ask(accepted, If_None_Match=f'"other", {tag}')
            assert status == 304 and headers["etag"] == tag and headers["vary"] == "Accept-Encoding", headers
    old = server.talk(f"GET {path} HTTP/1.0\r\nAccept-Encoding: zstd\r\n\r\n".encode())
    head, body = old.split(b"\r\n\r\n", 1)
    assert b"ncoding: " not in head and body == wasm, head

    # What is small, and manifests, are sent as they are.
    path = f"/v2/app/manifests/{job['index']}"
    status, headers, body = ask("zstd")
    assert "content-encoding" not in headers and "vary" not in headers and sha256(body) == job["index"], headers

    # The client.
    artifact = job["artifacts"][0]
    before = server.stats()["download_bytes"]
    subprocess.run([AOTC, "pull", f"127.0.0.1:{server.port}/app", "--target", "x86_64", "-o", f"{folder}/out.aotc"],
                   check=True, env={**os.environ, "HOME": folder})
    assert sha256(open(f"{folder}/out.aotc", "rb").read()) == artifact["digest"]
    assert server.stats()["download_bytes"] - before < artifact["size"], (artifact, before)
