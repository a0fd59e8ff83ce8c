# An image with a module that is pushed by tag is compiled as an upload is, with its tenant's quotas; the tag names the pushed image until
# the compiled one is there, or the compiled one before. Pushing is then the whole deployment.
# RUN: %python %s %t

from harness import Server, different, fresh_folder, hello_wasm, sha256, write_tokens
from push import MANIFEST, WASM, WASM_CONFIG, descriptor, manifest, push_blob, push_image, push_manifest

folder = fresh_folder()
wasm = hello_wasm(folder)
tokens = write_tokens(folder, {"acme": {"tokens": {"acme": ["pull", "push"]}, "jobs": 4}})
QUICK = {"aotc.tier": "quick", "aotc.target": "x86_64"}
SPIN, SPIN_CONFIG = "application/vnd.wasm.content.layer.v1+wasm", "application/vnd.fermyon.spin.application.v1+config"
server = Server(folder, "--token-file", tokens)
acme = server.as_user("acme")


def start(workers):
    server.options = ("--token-file", tokens, "--workers", str(workers), "--threads", "1")
    server.start()
    acme.port = server.port


def push(module, tag, annotations=QUICK, layer=WASM, config=b'{"architecture":"wasm","os":"wasip1"}', config_type=WASM_CONFIG, **more):
    """The digest of the manifest, and the path of the job."""
    digest, headers = push_image(acme, "acme/app", [(layer, module)], tag, config, config_type=config_type, annotations=annotations, **more)
    return digest, headers.get("aotc-job")


def names(tag):
    return acme.request("GET", f"/v2/acme/app/manifests/{tag}")[1].get("docker-content-digest")


def ended(job):
    return acme.wait(job.rsplit("/", 1)[1])


def sources(index):
    return {entry["digest"] for entry in acme.get_json(f"/v2/acme/app/referrers/{index}")["manifests"]}


# Nobody compiles yet: a new tag names what was pushed. More jobs than the quota allows are refused before anything is stored.
start(0)
first, job = push(wasm, "v1")
spin, spin_job = push(different(wasm, "spin"), "spin", layer=SPIN, config=b'{"spin_lock_version":1}', config_type=SPIN_CONFIG)
assert names("v1") == first and names("spin") == spin
record = acme.get_json(job)
assert record["state"] == "queued" and record["module"] == sha256(wasm) and record["tier"] == "quick", record
assert push(wasm, "same")[1] == job, "equal pushes are one job"
bad, bad_job = push(b"\0asm no module", "bad")
gone, gone_job = push(different(wasm, "gone"), "gone")
refused = different(wasm, "refused")
push_blob(acme, "acme/app", refused)
document = manifest(b"{}", [(WASM, refused)], annotations=QUICK)
push_blob(acme, "acme/app", b"{}")
assert push_manifest(acme, "acme/app", document, "refused", expected=429) == "TOOMANYREQUESTS" and names("refused") is None
assert acme.request("DELETE", f"/v2/acme/app/manifests/{gone}")[0] == 202

# What is wrong with options is said; what is not for compiling is served as it is.
for annotations in ({"aotc.tier": "fast"}, {"aotc.tag": "other"}, {"aotc.name": "evil/app"}, {"aotc.nothing": "1"}, {"aotc.dir": "/::/:ro"}):
    document = manifest(b"{}", [(WASM, wasm)], annotations=annotations)
    assert push_manifest(acme, "acme/app", document, "wrong", expected=400) == "MANIFEST_INVALID" and names("wrong") is None, annotations
both = [(WASM, wasm), (WASM, refused)]
subject = descriptor(acme.get(f"/v2/acme/app/manifests/{first}"), MANIFEST)
for layers, tag, more in ((both, "both", {}), ([(WASM, wasm)], None, {}), ([(WASM, wasm)], "attached", {"subject": subject})):
    assert "aotc-job" not in push_image(acme, "acme/app", layers, tag, **more)[1], (tag, more)
server.kill()

# The jobs survive. The tags name what was compiled; what was pushed is among its referrers, except where it was removed meanwhile.
start(1)
index, spin_index = ended(job)["index"], ended(spin_job)["index"]
assert ended(bad_job)["state"] == "failed" and names("bad") == bad
assert ended(gone_job)["state"] == "done" and names("gone") is None
assert names("v1") == names("same") == index and names("spin") == spin_index and index != first
assert {first} <= sources(index) and sources(spin_index) == {spin} and names(first) == first
platforms = [entry["platform"] for entry in acme.get_json("/v2/acme/app/manifests/v1")["manifests"]]
assert platforms == [{"architecture": "amd64", "os": "linux", **({"variant": platforms[0]["variant"]} if "variant" in platforms[0] else {})},
                     {"architecture": "wasm", "os": "wasip1"}], platforms
module = acme.get_json("/v2/acme/app/manifests/" + acme.get_json("/v2/acme/app/manifests/v1")["manifests"][1]["digest"])
assert acme.get_json(f"/v2/acme/app/blobs/{module['config']['digest']}")["os"] == "wasip1"
assert acme.get_json(job)["images"] == [{"name": "acme/app", "tag": "v1"}, {"name": "acme/app", "tag": "same"}]
assert push(wasm, "v3")[1] == job and names("v3") == index, "what is there is there at once"
server.kill()

# Nobody compiles: the tag stays with what it has. The last push is the one that counts, whatever is compiled when; a push of another
# kind, and an upload, count as well.
start(0)
second, second_job = push(different(wasm, "second"), "v1")
third, third_job = push(different(wasm, "third"), "v1")
_, late_job = push(different(wasm, "late"), "v3")
assert names("v1") == index and names(second) == second and names(third) == third
plain, _ = push_image(acme, "acme/app", [b"plain"], "v3")
assert names("v3") == plain
server.kill()
start(1)
newest = ended(third_job)["index"]
assert ended(second_job)["state"] == ended(late_job)["state"] == "done" and names("v1") == newest
assert names("v3") == plain and names(second) == second

# With the image goes what it was made of, and nothing else.
assert acme.request("DELETE", f"/v2/acme/app/manifests/{newest}")[0] == 202
assert names(third) is None and names("v1") is None and names(first) == first and names("same") == index
assert acme.request("DELETE", f"/v2/acme/app/manifests/{index}")[0] == 202
assert names(first) is None and names("same") is None

# Code of tier auto is made better, and the better image has the same source; options come from annotations.
fourth, fourth_job = push(different(wasm, "fourth"), "v4", {"aotc.target": "x86_64", "aotc.snapshot": "off", "aotc.env.MODE": "production", "aotc.arg.1": "one"})
record = ended(fourth_job)
assert record["tier"] == "auto" and ["env", "MODE=production"] in record["freeze"] and ["arg", "one"] in record["freeze"], record
while record["artifacts"][0]["quick_functions"] and names("v4") == record["index"]:
    pass
assert names("v4") != fourth and fourth in sources(names("v4"))
stats = server.as_user("root").stats()
assert stats["server_errors"] == 0 and stats["arrived_modules"] >= 1, stats
server.kill()
