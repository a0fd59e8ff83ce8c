# Blobs are pushed whole, in chunks or compressed, and mounted inside of a tenant; what is begun is bounded, in its tenant's quota,
# and forgotten.
# RUN: %python %s %t
import gzip
import os

from harness import Server, fresh_folder, sha256, until, write_tokens
from push import push_blob

folder = fresh_folder()
tokens = write_tokens(folder, {
    "acme": {"tokens": {"acme": ["pull", "push"], "reader": ["pull"]}, "bytes": 3_000_000},
    "evil": {"tokens": {"evil": ["pull", "push"]}, "bytes": 3_000_000}})
UPLOADS = "/v2/acme/app/blobs/uploads/"
options = ("--token-file", tokens, "--upload-sessions", "3", "--max-upload", "2M")
with Server(folder, *options) as server:
    acme, evil, root = (server.as_user(name) for name in ("acme", "evil", "root"))

    def begin(user):
        status, headers, _ = user.request("POST", UPLOADS)
        assert status == 202, status
        return headers["location"]

    # Chunks have to be the next ones; what is there can be asked.
    blob = os.urandom(1000)
    place = begin(acme)
    for first, last, expected in ((5, 9, 416), (0, 99, 202), (0, 99, 416), (200, 299, 416), (100, 899, 202)):
        status, headers, _ = acme.request("PATCH", place, blob[first:last + 1], {"Content-Range": f"{first}-{last}"})
        assert status == expected and headers["location"] == place, (first, status)
    status, headers, body = acme.request("GET", place)
    assert (status, headers["range"], body) == (204, "0-899", b"")
    status, headers, _ = acme.request("PUT", f"{place}?digest={sha256(blob)}", blob[900:], {"Content-Range": "900-999"})
    assert status == 201 and headers["location"] == f"/v2/acme/app/blobs/{sha256(blob)}" and acme.get(headers["location"]) == blob
    assert acme.request("GET", place)[0] == 404, "it has ended"

    # What is wrong with a request; a digest that is not that of the bytes ends the session.
    place = begin(acme)
    for path, headers, expected in ((place, {}, 400), (place + "?digest=sha256:12", {}, 400), (place + f"?digest=sha512:{'0' * 128}", {}, 400),
                                    (place + f"?digest={sha256(b'x')}", {"Content-Range": "zero"}, 400),
                                    (place + f"?digest={sha256(b'x')}", {"Content-Range": "0-9"}, 400),
                                    (place + f"?digest={sha256(b'y')}", {}, 400), (place + f"?digest={sha256(b'x')}", {}, 404)):
        assert acme.request("PUT", path, b"x", headers)[0] == expected, (path, headers)
    assert acme.request("POST", UPLOADS, b"a body without a digest")[0] == 400
    assert acme.request("POST", UPLOADS + f"?digest={sha256(b'y')}", b"x")[0] == 400
    for method, path, expected in (("PUT", UPLOADS, 405), ("POST", place, 405), ("GET", UPLOADS, 405), ("PATCH", UPLOADS + "0" * 32, 404)):
        assert acme.request(method, path)[0] == expected, (method, path)

    # A session is of one tenant and one repository, and nobody else's; not even a reader's of the same tenant.
    place = begin(acme)
    name = place.rsplit("/", 1)[1]
    for user, path in ((acme, f"/v2/acme/other/blobs/uploads/{name}"), (evil, f"/v2/evil/app/blobs/uploads/{name}")):
        assert [user.request(method, path)[0] for method in ("GET", "PATCH", "DELETE")] == [404] * 3
    assert evil.request("GET", place)[0] == 403 and server.as_user("reader").request("PATCH", place)[0] == 403
    assert acme.request("DELETE", place)[0] == 204 and acme.request("GET", place)[0] == 404

    # Compressed bodies: as bytes that they become, no more of them than any others.
    for coding, packed in (("gzip", gzip.compress(blob)), ("gzip", gzip.compress(blob[:10]) + gzip.compress(blob[10:])), ("identity", blob)):
        status, headers, _ = acme.request("POST", f"{UPLOADS}?digest={sha256(blob)}", packed, {"Content-Encoding": coding})
        assert status == 201 and acme.get(headers["location"]) == blob, (coding, status)
    bomb = gzip.compress(bytes(100 << 20))
    for packed, coding, expected in ((bomb, "gzip", 413), (blob, "gzip", 400), (gzip.compress(blob)[:-1], "gzip", 400), (blob, "zstd", 400),
                                     (gzip.compress(blob) + b"more", "gzip", 400), (blob, "br", 415), (blob, "gzip, gzip", 415)):
        assert acme.request("POST", f"{UPLOADS}?digest={sha256(blob)}", packed, {"Content-Encoding": coding})[0] == expected, (coding, expected)
    assert acme.request("POST", "/v1/compile", bomb, {"Content-Encoding": "gzip"})[0] == 413

    # Mounting: what the tenant has. What another has looks like what nobody has.
    other = os.urandom(100)
    push_blob(evil, "evil/app", other)
    digest = sha256(blob)
    for query, expected in ((f"mount={digest}&from=acme/app", 201), (f"mount={digest}", 201), (f"mount={digest}&from=acme/nothing", 202),
                            (f"mount={sha256(other)}&from=evil/app", 202), (f"mount={sha256(other)}", 202)):
        status, headers, body = acme.request("POST", f"/v2/acme/second/blobs/uploads/?{query}")
        assert status == expected and body == b"", (query, status)
        last = headers["location"]
        assert last.startswith("/v2/acme/second/blobs/" + ("uploads/" if status == 202 else digest)), headers
    assert acme.get(f"/v2/acme/second/blobs/{digest}") == blob

    # The three sessions that came of it are as many as there may be; their bytes are in the quota.
    status, headers, _ = acme.request("POST", UPLOADS)
    assert status == 429 and "retry-after" in headers and root.stats()["upload_sessions"] == 3
    big = os.urandom(1_800_000)
    place = last
    assert acme.request("PATCH", place, big)[0] == 202
    assert root.stats()["reserved_bytes"] >= len(big)
    assert acme.request("POST", f"{UPLOADS}?digest={sha256(big)}", big)[0] == 403
    assert acme.request("PATCH", place, big)[0] == 413, "it would be larger than blobs may be"
    assert acme.request("DELETE", place)[0] == 204
    push_blob(acme, "acme/app", big)
    assert acme.request("DELETE", f"/v2/acme/app/blobs/{sha256(big)}")[0] == 202
    assert acme.request("HEAD", f"/v2/acme/app/blobs/{sha256(big)}")[0] == 404
    stats = root.stats()
    assert stats["server_errors"] == 0 and stats["reserved_bytes"] == 0 and stats["mounted_blobs"] == 2, stats

# After a restart there are none. What nobody goes on with is forgotten, and so is a blob that no manifest came to name.
server.options = (*options, "--upload-timeout", "1s", "--max-loose-age", "2s")
with server:
    acme, root = server.as_user("acme"), server.as_user("root")
    assert root.stats()["upload_sessions"] == 0
    begin(acme)
    until(lambda: root.stats()["expired_uploads"] == 1, "an upload is forgotten")
    until(lambda: acme.request("HEAD", f"/v2/acme/app/blobs/{sha256(blob)}")[0] == 404, "a blob is removed")
    until(lambda: root.stats()["dropped_loose_blobs"] >= 2, "another tenant's blob, put a little later, is removed too")
    stats = root.stats()
    assert stats["upload_sessions"] == 0 and stats["server_errors"] == 0, stats
