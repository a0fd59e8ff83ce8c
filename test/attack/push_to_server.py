# A tenant who may push, against the server and its other tenants: names, digests, ranges, manifests and bodies that are wrong, huge or
# cut off. Nothing is kept of them, the server stays as small as it was, and it has not failed once.
# RUN: %python %s %t
import contextlib
import json
import os
import socket
import zlib

from harness import Server, check, connect, fresh_folder, reset, sha256, until, write_tokens
from push import INDEX, MANIFEST, descriptor, manifest, push_blob, push_manifest

folder = fresh_folder()
tokens = write_tokens(folder, {name: {"tokens": {name: ["pull", "push"]}, "bytes": 8 << 20} for name in ("acme", "evil")})
ZERO = "sha256:" + "0" * 64


def memory(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1]) << 10


with Server(folder, "--token-file", tokens, "--max-upload", "4M", "--upload-sessions", "8", "--no-request-log") as server:
    acme, evil, root = (server.as_user(name) for name in ("acme", "evil", "root"))
    secret = os.urandom(1000)
    push_blob(acme, "acme/app", secret)

    # Paths: nothing but 4xx, whatever they name.
    names = ("evil/app", "acme/app", "EVIL/app", "evil/..", "evil/%2e%2e/acme", "evil/app%00", "evil//app", "evil", "evil/" + "a" * 300, "evil/a%2fb", "evil/-a")
    digests = (ZERO, sha256(secret), "sha256:", "sha256:" + "g" * 64, "sha256:" + "A" * 64, "sha512:" + "0" * 128, "../" * 8, "%00", "a" * 5000, "sha256:" + "0" * 63 + "%0a")
    for name in names:
        for digest in digests:
            for method, path in (("PUT", f"/v2/{name}/manifests/{digest}"), ("DELETE", f"/v2/{name}/blobs/{digest}"), ("DELETE", f"/v2/{name}/manifests/{digest}"),
                                 ("PATCH", f"/v2/{name}/blobs/uploads/{digest}"), ("PUT", f"/v2/{name}/blobs/uploads/{digest}?digest={digest}"),
                                 ("POST", f"/v2/{name}/blobs/uploads/?digest={digest}"), ("GET", f"/v2/{name}/referrers/{digest}?last={digest}&artifactType=x")):
                status, _, body = evil.request(method, path, b"")
                empty_list = method == "GET" and name in ("evil/app", "evil/a%2fb") and digest in digests[:2]
                check(status == 200 if empty_list else 400 <= status < 500, (method, path, status, body))
    before = memory(server)

    # A mount of what another has, in every way of asking: what comes is what comes for a blob that nobody has.
    for query in ("from=acme/app", "", "from=evil/app", "from=", "from=acme/app&from=evil/app", "from=evil/../acme/app"):
        answers = [evil.request("POST", f"/v2/evil/app/blobs/uploads/?mount={digest}&{query}") for digest in (sha256(secret), ZERO)]
        shapes = [(status, sorted(headers), body) for status, headers, body in answers]
        check(shapes[0] == shapes[1] and shapes[0][0] == 202, (query, answers))
        for _, headers, _ in answers:
            check(evil.request("DELETE", headers["location"])[0] == 204, query)
    check(push_manifest(evil, "evil/app", manifest(secret, []), expected=400) == "MANIFEST_BLOB_UNKNOWN", "another's blob is not there")

    # Ranges that are no ranges, and sizes that do not fit in a number.
    place = evil.request("POST", "/v2/evil/app/blobs/uploads/")[1]["location"]
    for text in ("-", "0-", "-0", "5-1", "0-18446744073709551615", "18446744073709551615-18446744073709551615", "0-1e3", "bytes=0-0", "0-0,1-1", "0-4294967296", "+0-0"):
        check(400 <= evil.request("PATCH", place, b"x", {"Content-Range": text})[0] < 500, text)
    for length in (str(1 << 63), str(1 << 64), "-1", "4194305"):
        with connect(server.port) as connection:
            connection.sendall(f"PATCH {place} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer evil\r\nContent-Length: {length}\r\n\r\nx".encode())
            connection.shutdown(socket.SHUT_WR)
            check(connection.recv(100)[9:10] == b"4", length)
    check(evil.request("GET", place)[1]["range"] == "0-0", "nothing of it was kept")

    # Documents: deep, wide, twice the same, of bytes that are no text; each is refused, and none of them stays.
    push_blob(evil, "evil/app", b"{}")
    config = descriptor(b"{}", "x")
    image = lambda **more: json.dumps({"schemaVersion": 2, "config": config, "layers": [], **more}).encode()
    for document, kind in ((b"[" * (4 << 20), MANIFEST), (b'{"a":' * (1 << 19), MANIFEST), (b"[" + b"1," * (1 << 20), MANIFEST), (b'"' * (4 << 20), MANIFEST),
                           (b'{"a":"' + b"\\" * 1000, MANIFEST), (os.urandom(4096), MANIFEST), (image(layers=[config] * 60000)[:4 << 20], MANIFEST),
                           (image(annotations={"\ud800": 1}), MANIFEST), (image(subject=[]), MANIFEST), (image(config={**config, "size": 1e300}), MANIFEST),
                           (image(config={**config, "size": 2**64}), MANIFEST), (image(mediaType=7) + b"x", MANIFEST), (image(artifactType=[] * 3, manifests={}), MANIFEST),
                           (b'{"schemaVersion":2,"manifests":[{}]}', INDEX), (b'{"schemaVersion":2,"manifests":[[[]]]}', INDEX), (b"null", INDEX)):
        push_manifest(evil, "evil/app", document, "v1", kind, 400)
    check(evil.request("GET", "/v2/evil/app/tags/list")[2] == b'{"name":"evil/app","tags":[]}\n', "no tag")

    # Bodies that grow: a gigabyte of zeros in a megabyte, in many requests; and such as are cut off.
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packed.compress(bytes(1 << 20)) for _ in range(1024)) + packed.flush()
    for path in (f"/v2/evil/app/blobs/uploads/?digest={ZERO}", "/v2/evil/app/manifests/v1", "/v1/compile"):
        method = "PUT" if "manifests" in path else "POST"
        check(evil.request(method, path, bomb, {"Content-Encoding": "gzip"})[0] == 413, path)
    for _ in range(20):
        connection = connect(server.port)
        with contextlib.suppress(OSError):
            connection.sendall(f"POST /v2/evil/app/blobs/uploads/?digest={ZERO} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer evil\r\n"
                               "Content-Length: 100000\r\n\r\n".encode() + bytes(50000))
        reset(connection)
    until(lambda: root.stats()["reserved_bytes"] <= 1 << 20, "what was cut off is given back")
    while (status := evil.request("POST", "/v2/evil/app/blobs/uploads/")[0]) == 202:
        pass
    stats = root.stats()
    check(status == 429 and stats["upload_sessions"] == 8, (status, stats))
    check(acme.request("POST", "/v2/acme/app/blobs/uploads/")[0] == 202, "others have their own")
    check(stats["server_errors"] == 0 and stats["pushed_manifests"] == 0, stats)
    check(memory(server) < before + (48 << 20), (before, memory(server)))
