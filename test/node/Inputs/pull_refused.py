"""pull_refused.py: images that a node must not run, one at a time; see ../../attack/puller_to_tenant.test for the arguments."""
import os
import shutil
import subprocess
import sys

from fleet import Images, Key, digest, statement
from harness import BIN, check
from node import get, node
from registry_of_lies import Registry

folder, artifact = sys.argv[1], open(sys.argv[2], "rb").read()
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
key, stranger = Key(folder, "key"), Key(folder, "stranger")
REPOSITORY = "acme/app"


def refused(images, reason, *options, trust=(key,)):
    """Nothing of the image is run, and why is said."""
    shutil.rmtree(f"{folder}/cache", ignore_errors=True)
    with Registry(images.paths) as registry:
        trusting = [word for k in trust for word in ("--trust", k.public)]
        with node([f"site=oci://{registry.host}/{REPOSITORY}:v1"], "--poll", "50ms", "--cache", f"{folder}/cache",
                  *trusting, *options, up=False) as server:
            for attempt in range(2):
                line = server.wait_log("cannot pull", attempt)
                check(0 < line["retry_seconds"] < 86400, line)
                check(reason in line["message"], (reason, line))
            check(get(server.port, "/")[0] == 503, "an app without a release")
            check(server.tenants() == [], "a tenant was started")
            check(not any(line["message"].startswith(("ready", "pulled")) for line in server.lines), server.lines)


def signed(text_of):
    images = Images(REPOSITORY)
    index = images.put(artifact)
    images.sign(index, text_of(index))
    return images


def good(index):
    return statement(key, REPOSITORY, index, 7)


unsigned = Images(REPOSITORY)
unsigned.put(artifact)
refused(unsigned, "not signed")
refused(signed(lambda index: good(index).replace(b"sequence 7", b"sequence 8")), "the signature is wrong")
refused(signed(lambda index: good(index)[:-2] + b"x\n"), "not a well-formed statement")
refused(signed(lambda index: statement(key, REPOSITORY, index, 7, 1000, 2000)), "expired")
refused(signed(lambda index: statement(key, REPOSITORY, index, 7, 1 << 40)), "issued in the future")
refused(signed(lambda index: statement(key, "acme/other", index, 7)), "signed for acme/other, not for acme/app")
refused(signed(lambda index: statement(key, REPOSITORY, digest(b""), 7)), "not for " + "sha256:")
refused(signed(lambda index: statement(stranger, REPOSITORY, index, 7)), "not signed by a trusted key")
refused(signed(good), "not signed by a trusted key", trust=(stranger,))
refused(signed(good), "signed for acme/app, not for acme/else", "--signed-for", "site=acme/else")

# What a good statement stands for, changed on the way.
blob = f"/v2/{REPOSITORY}/blobs/{digest(artifact)}"
for changed in (artifact[:-1] + bytes([artifact[-1] ^ 1]), artifact[:-1], artifact + b"x"):
    images = signed(good)
    images.paths[blob] = ("x", changed)
    refused(images, digest(artifact))
images = signed(good)
manifest = [path for path, (kind, data) in images.paths.items() if b"artifact.v1" in data and "manifests/sha256" in path and b"platform" not in data]
check(len(manifest) == 1, manifest)
images.paths[manifest[0]] = (images.paths[manifest[0]][0], images.paths[manifest[0]][1] + b" ")
refused(images, "another digest")

# Signed, but not for this machine, or not an image.
images = Images(REPOSITORY)
images.publish(key, 1, ({"os": "linux", "architecture": "vax"}, artifact), ({"os": "plan9", "architecture": "amd64"}, artifact))
refused(images, "nothing that this machine can run")
images = Images(REPOSITORY)
index = images.document("application/vnd.oci.image.index.v1+json", {"manifests": [images.document(
    "application/vnd.oci.image.manifest.v1+json", {"layers": []}, platform={"os": "linux", "architecture": os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64")})]})["digest"]
images.paths[f"/v2/{REPOSITORY}/manifests/v1"] = images.paths[f"/v2/{REPOSITORY}/manifests/{index}"]
images.sign(index, statement(key, REPOSITORY, index, 1))
refused(images, "not an image that aotc made")
images = Images(REPOSITORY)
refused(images, "there is no such image")

# A puller that lies: what it wrote and named, the tenant checks by itself.
def tenant(images, index, text, reason, writing=None):
    place = f"{folder}/forged"
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for path, (kind, data) in images.paths.items():
        if "sha256:" in path:
            with open(f"{place}/{path.rsplit(':', 1)[1]}", "wb") as file:
                file.write(data)
    with open(f"{place}/{digest(text)[7:]}", "wb") as file:
        file.write(text)
    writer = open(f"{place}/{writing[7:]}", "r+b") if writing else None
    words = {"name": "site", "artifact": "image", "workers": 1, "deadline": 10**9, "timeout": 10**9, "max-memory": 10**9,
             "reset": "best", "folder": place, "repository": REPOSITORY, "index": index,
             "statement": digest(text) if text else "", "key": key.public}
    result = subprocess.run([f"{BIN}/aotc-node", "--tenant", *(f"{word}={value}" for word, value in words.items())],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(result.returncode == 1 and result.stdout.startswith("image: ") and reason in result.stdout, (reason, result))
    if writer:
        writer.close()


images = Images(REPOSITORY)
index = images.put(artifact)
tenant(images, index, b"", "not signed")
text = good(index)
tenant(images, index, text[:-2] + (b"1\n" if text.endswith(b"0\n") else b"0\n"), "")
tenant(images, index, statement(stranger, REPOSITORY, index, 7), "not signed by a trusted key")
tenant(images, index, statement(key, "acme/other", index, 7), "signed for acme/other")
tenant(images, index, statement(key, REPOSITORY, index, 7, 1000, 2000), "expired")
tenant(images, index, statement(key, REPOSITORY, digest(b""), 7), "not for " + index)
images.paths[blob] = ("x", artifact[:-1] + bytes([artifact[-1] ^ 1]))
tenant(images, index, good(index), "damaged in the cache")
images.paths[blob] = ("x", artifact + b"x")
tenant(images, index, good(index), "damaged in the cache")
# Who can still write to a file could change it after it was checked.
images.paths[blob] = ("x", artifact)
for one in (digest(artifact), index) if os.geteuid() == 0 else ():
    tenant(images, index, good(index), f"{one}: Text file busy", writing=one)
# With a snapshot that is none.
images = Images(REPOSITORY)
index = images.put(artifact, snapshot=bytes(8192))
tenant(images, index, good(index), "corrupted: snapshot: its head is out of place")

# The same image, as it should be, runs.
with Registry(signed(good).paths) as registry, node([f"site=oci://{registry.host}/{REPOSITORY}:v1"], "--cache", f"{folder}/cache",
                                                   "--trust", key.public) as server:
    check(get(server.port, "/") == (200, b"version one\n"), "the image that all are made of")
# Without keys nothing is checked but digests; that must be asked for.
with Registry(unsigned.paths) as registry, node([f"site=oci://{registry.host}/{REPOSITORY}:v1"], "--cache", f"{folder}/other",
                                                "--insecure-unsigned") as server:
    check(get(server.port, "/") == (200, b"version one\n"), "unsigned")
