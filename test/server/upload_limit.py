# A module larger than --max-upload is refused, with its length announced or not, and leaves nothing behind.
# RUN: %python %s %t
import json

from harness import Server, fresh_folder, hello_wasm

folder = fresh_folder()
big = b"\0asm\1\0\0\0" + b"x" * (600 << 10)
with Server(folder, "--max-upload", "512K") as server:
    status, headers, body = server.request("POST", "/v1/compile", big)
    assert status == 413 and headers["content-type"] == "application/problem+json", (status, body)
    assert json.loads(body)["status"] == 413
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (big[:300 << 10], big[300 << 10:])) + b"0\r\n\r\n"
    answer = server.talk(b"POST /v1/compile HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked)
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert server.request("POST", "/v1/stats", big)[0] == 413, "nor is a body read that nobody wants"
    assert server.stats()["uploads"] == 0

    module = hello_wasm(folder)
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (module[:9], module[9:])) + b"0\r\n\r\n"
    answer = server.talk(b"POST /v1/compile?tier=quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n" + chunked)
    assert answer.startswith(b"HTTP/1.1 202 ") and server.stats()["uploads"] == 1, answer
