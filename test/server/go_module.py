# A real Go program goes through the server and says hello.
# REQUIRES: go-1.26
# RUN: %go-build 1.26 %inputs/hello %t.wasm && %python %s %t %t.wasm
import subprocess
import sys

from harness import AOTC, Server, fresh_folder

folder = fresh_folder()
with open(sys.argv[2], "rb") as file:
    wasm = file.read()
with Server(folder) as server:
    status, job = server.upload(wasm, "?name=hello&target=host&tier=quick")
    job = server.wait(job["id"])
    assert job["state"] == "done", job
    artifact = server.get(f"/v2/hello/blobs/{job['artifacts'][0]['digest']}")
    assert len(artifact) > 1 << 20, "several chunks are wanted"
    with open(f"{folder}/hello.aotc", "wb") as file:
        file.write(artifact)
    assert b"hello" in subprocess.check_output([AOTC, "run", f"{folder}/hello.aotc"])
