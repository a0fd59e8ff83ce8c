# A download that is under way when its image is deleted, or evicted, ends well, however slow it is; then the blob goes.
# RUN: %python %s %t
import http.client
import random
import socket

from harness import Server, fresh_folder, hello_wasm, padded, sha256, until

folder = fresh_folder()
wasm = padded(hello_wasm(folder), random.Random(1).randbytes(24 << 20))  # more than sockets hold
server = Server(folder)
with server:
    job = server.wait(server.upload(wasm, "?tier=quick&target=host&name=app")[1]["id"])
    assert job["state"] == "done", job
server.options = ("--grace", "1s", "--job-timeout", "1s", "--cache-bytes", "0")  # nothing is compiled
with server:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    connection.request("GET", f"/v2/app/blobs/{job['module']}")
    response = connection.getresponse()
    start = response.read(1000)
    assert server.request("DELETE", f"/v2/app/manifests/{job['index']}")[0] == 202
    assert server.request("GET", f"/v2/app/blobs/{job['module']}")[0] == 404
    until(lambda: server.stats()["store_bytes"] == len(wasm))  # everything else has gone
    swept = server.stats()["swept_blobs"]
    assert sha256(start + response.read()) == job["module"]
    until(lambda: server.stats()["store_bytes"] == 0)
    assert server.stats()["swept_blobs"] == swept + 1
