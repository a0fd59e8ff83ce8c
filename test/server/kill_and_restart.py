# kill -9 while modules are being uploaded and compiled: every acknowledged upload is there after the restart and its job
# ends well, without another upload.
# RUN: %python %s %t
import http.client
from concurrent.futures import ThreadPoolExecutor

from harness import Server, different, fresh_folder, hello_wasm, sha256

folder = fresh_folder()
wasm = hello_wasm(folder)
acknowledged = {}


def upload(number):
    module = different(wasm, str(number))
    try:
        status, job = server.upload(module, f"?tier=quick&target=host&name=m{number}")
    except (OSError, http.client.HTTPException):
        return  # cut off, so not acknowledged
    assert status in (200, 202), job
    acknowledged[number] = job["id"]
    if len(acknowledged) in (5, 15):
        server.kill()


server = Server(folder)
for first in (0, 20):
    server.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upload, range(first, first + 20)))
assert len(acknowledged) >= 15, acknowledged
with server:
    assert server.stats()["uploads"] == 0
    for number, job in acknowledged.items():
        record = server.wait(job)
        assert record["state"] == "done" and record["module"] == sha256(different(wasm, str(number))), record
        digest = record["artifacts"][0]["digest"]
        assert sha256(server.get(f"/v2/m{number}/blobs/{digest}")) == digest
