# Images go by age, by bytes and without a tag, the least recently used first, and job records some time after their end;
# pinned tags stay, and so does all that a tenant has within its share. The times of last use are written by the test.
# RUN: %python %s %t
import os
import random
import subprocess
import time

from harness import AOTC, Server, StoreFiles, fresh_folder, hello_wasm, padded, until, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
QUIET = ("--no-request-log", "--threads", "1")
SOON = ("--grace", "1s", "--job-timeout", "1s")  # so often it is looked for what has to go
DAY = 86400


def module(number):
    return padded(wasm, random.Random(number).randbytes(300_000))


def upload(server, number, name=None):
    job = server.wait(server.upload(module(number), f"?tier=quick&target=host&name={name or f'm{number}'}")[1]["id"])
    assert job["state"] == "done", job
    return job


def used(server, image, seconds_ago):
    name, index = image
    moment = int(time.time()) - seconds_ago
    StoreFiles(server.data).put("images", name.encode() + b"\0" + index.encode(), moment.to_bytes(8, "little"))


def names(server):
    return set(server.get_json("/v2/_catalog")["repositories"])


def stats_are(server, **expected):
    until(lambda: all(server.stats()[name] == value for name, value in expected.items()))


# By bytes, without tenants.
server = Server(folder + "/bytes", *QUIET)
with server:
    images = [(f"m{number}", upload(server, number)["index"]) for number in range(6)]
    assert server.request("PUT", "/v1/pins?name=m0&tag=latest")[0] == 204
    assert server.get_json("/v1/pins") == {"pins": [{"name": "m0", "tag": "latest"}]}
    for wrong, status in (("name=m0&tag=other", 404), ("name=../x", 400), ("name=m0&tag=-", 400)):
        assert server.request("PUT", "/v1/pins?" + wrong)[0] == status, wrong
    owned = server.stats()["owned_bytes"]
    assert owned > 6 * 300_000, owned
for age, image in enumerate(reversed(images)):
    used(server, image, 1000 + 100 * age)  # m5 was used last
with server:
    server.get("/v2/m1/manifests/latest")  # now it is m1
server.options = (*QUIET, "--max-store-bytes", str(owned - 500_000), *SOON)
with server:
    stats_are(server, evicted_images=2)
    assert names(server) == {"m0", "m1", "m4", "m5"}
    assert server.request("GET", "/v2/m2/manifests/latest")[0] == 404
    until(lambda: server.stats()["store_bytes"] < owned - 500_000)
    assert server.request("DELETE", "/v1/pins?name=m0&tag=latest")[0] == 204

# By age, and without a tag.
server.options = (*QUIET, "--max-age", "30d", *SOON)
with server:
    assert upload(server, 2)["index"] == images[2][1], "it can come back"
    upload(server, 6, "m1")  # takes the tag from the image before
    server.request("PUT", "/v1/pins?name=m4")
for image, age in ((images[1], 8), (images[2], 29), (images[4], 31), (images[5], 31)):
    used(server, image, age * DAY)
with server:
    stats_are(server, evicted_images=2)
    assert names(server) >= {"m1", "m2", "m4"} and "m5" not in names(server)
    assert server.request("GET", f"/v2/m1/manifests/{images[1][1]}")[0] == 404, "no tag for a week"
    assert server.get("/v2/m1/manifests/latest")

# With tenants. One with "evict" makes room for itself, from what is its own and not pinned.
tokens = write_tokens(folder, {
    "a": {"tokens": {"ta": ["pull", "push"]}, "bytes": 2_000_000},
    "b": {"tokens": {"tb": ["pull", "push"]}, "bytes": 2_000_000},
    "c": {"tokens": {"tc": ["pull", "push"]}, "bytes": 1_400_000, "evict": True}})
server = Server(folder + "/tenants", *QUIET, "--token-file", tokens)
a, b, c, root = (server.as_user(token) for token in ("ta", "tb", "tc", "root"))


def start():
    server.start()
    for user in (a, b, c, root):
        user.port = server.port


start()
images = {name: (name, upload(user, number, name)["index"])
          for user, number, name in ((b, 0, "b/x"), (a, 1, "a/x"), (a, 2, "a/y"), (a, 3, "a/z"))}
owned = root.stats()["owned_bytes"]
upload(c, 4, "c/m4")
size = root.stats()["owned_bytes"] - owned
assert c.request("PUT", "/v1/pins?name=c/m4")[0] == 204
for number in range(5, 10):
    upload(c, number, f"c/m{number}")
assert root.stats()["evicted_images"] == 6 - len(names(c))
assert "c/m4" in names(c) and len(names(c)) == 1_400_000 // size and names(a) | names(b) == set(images), names(c)
assert a.request("PUT", "/v1/pins?name=c/m4")[0] == 403 and a.get_json("/v1/pins") == {"pins": []}
assert a.upload(random.Random(0).randbytes(1_100_000))[0] == 403, "without \"evict\" it is refused"
for name in names(c):
    assert c.request("PUT", f"/v1/pins?name={name}")[0] == 204
status, refused = c.upload(module(10), "?tier=quick&target=host&name=c/m10")
assert status == 403, (refused, names(c), size, root.stats())
for name in names(c):  # which takes the pin away
    index = c.request("GET", f"/v2/{name}/manifests/latest")[1]["docker-content-digest"]
    assert c.request("DELETE", f"/v2/{name}/manifests/{index}")[0] == 202
assert c.get_json("/v1/pins") == {"pins": []}


def pin(user, tag, *options, code=0):
    done = subprocess.run([AOTC, "pin", f"127.0.0.1:{server.port}/{tag}", *options], capture_output=True, text=True,
                          env={**os.environ, "AOTC_TOKEN": user.token})
    assert done.returncode == code, done
    return done.stderr


pin(a, "a/x")
assert a.get_json("/v1/pins") == {"pins": [{"name": "a/x", "tag": "latest"}]} and b.get_json("/v1/pins")["pins"] == []
pin(a, "a/x:latest", "--off")
assert a.get_json("/v1/pins") == {"pins": []}
assert "there is no such tag" in pin(a, "a/x:v9", code=1)
assert "not for this repository" in pin(b, "a/x", code=1)
assert "not a tag" in pin(a, "a/x@sha256:" + "0" * 64, code=1) and "a repository is needed" in pin(a, "", code=2)
server.__exit__(None, None, None)

# Whoever has more than its share loses, though another's image is older.
for age, name in enumerate(("a/z", "a/y", "a/x", "b/x")):
    used(server, images[name], 1000 + age)
server.options = (*server.options, "--max-store-bytes", str(owned - 100_000), *SOON)
start()
stats_are(root, evicted_images=1)
assert names(root) == {"a/y", "a/z", "b/x"}
server.__exit__(None, None, None)

# Jobs are forgotten some time after their end, unless their images are there.
server = Server(folder + "/jobs", *QUIET, "--keep-jobs", "1s")
with server:
    kept = upload(server, 0)["id"]
    failed = server.upload(b"not a module", "?name=x")[1]["id"]
    until(lambda: server.request("GET", f"/v1/jobs/{failed}")[0] == 404)
    assert server.get_json(f"/v1/jobs/{kept}")["state"] == "done" and server.stats()["expired_jobs"] == 1
