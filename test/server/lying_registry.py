# A client believes no registry: other bytes, other sizes, other digests and documents that are no manifests are refused, and
# nothing is written.
# RUN: %python %s %t
import json
import os
import subprocess

import zstd
from harness import AOTC, fresh_folder, sha256
from registry_of_lies import Registry

folder = fresh_folder()
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def describe(kind, data, **more):
    return {"mediaType": kind, "digest": sha256(data), "size": len(data), **more}


def document(value):
    return json.dumps(value).encode()


artifact = b"\x7fELF" + bytes(300000)
manifest = document({"schemaVersion": 2, "layers": [describe("application/vnd.aotc.artifact.v1", artifact)]})
platform = {"os": "linux", "architecture": "amd64"}
index = document({"schemaVersion": 2, "manifests": [describe(MANIFEST, manifest, platform=platform)]})
honest = {"/v2/a/manifests/t": (INDEX, index), f"/v2/a/manifests/{sha256(manifest)}": (MANIFEST, manifest),
          f"/v2/a/blobs/{sha256(artifact)}": ("application/octet-stream", artifact)}


def pull(changes, reference=":t"):
    with Registry({**honest, **changes}) as registry:
        result = subprocess.run([AOTC, "pull", f"{registry.host}/a{reference}", "--target", "x86_64", "-o", "out.aotc"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
                                env={"HOME": folder})
    return result.returncode, result.stdout


compressed = zstd.compress(artifact)
for changes in ({}, {f"/v2/a/blobs/{sha256(artifact)}": ("x", compressed, "zstd")}):
    status, said = pull(changes)
    assert status == 0 and open(f"{folder}/out.aotc", "rb").read() == artifact, said
    os.remove(f"{folder}/out.aotc")
blob, inner, tag = f"/v2/a/blobs/{sha256(artifact)}", f"/v2/a/manifests/{sha256(manifest)}", "/v2/a/manifests/t"
for what, changes, reason in (
        ("a changed byte", {blob: ("x", artifact[:-1] + b"\1")}, "another digest"),
        ("too few bytes", {blob: ("x", artifact[:-1])}, "another digest"),
        ("too many bytes", {blob: ("x", artifact + bytes(1 << 20))}, "larger than"),
        ("a bad coding", {blob: ("x", artifact, "zstd")}, "the zstd coding is damaged"),
        ("half a coding", {blob: ("x", compressed[:-9], "zstd")}, "not complete"),
        ("a bomb", {blob: ("x", zstd.compress(bytes(1 << 28)), "zstd")}, "larger than"),
        ("another coding", {blob: ("x", compressed, "br")}, "another digest"),
        ("no blob", {blob: (None, b"")}, "there is no such blob"),
        ("another manifest", {inner: (MANIFEST, manifest + b" ")}, "another digest"),
        ("no manifest", {inner: (None, b"")}, "there is no such image"),
        ("no document", {tag: (INDEX, b"<html>")}, "not an image manifest"),
        ("a bad digest", {tag: (INDEX, index.replace(b"sha256:", b"sha256:/../"))}, "not an image manifest"),
        ("a negative size", {tag: (INDEX, index.replace(b'"size": ', b'"size": -'))}, "not an image manifest"),
        ("lists that are none", {tag: (INDEX, b'{"manifests": 7}')}, "not an image manifest"),
        ("deep nesting", {tag: (INDEX, b"[" * 1000000)}, "not an image manifest"),
        ("an endless document", {tag: (INDEX, b" " * (5 << 20))}, "larger than"),
        ("nothing for this machine", {tag: (INDEX, index.replace(b"amd64", b"vax"))}, "nothing for x86_64")):
    status, said = pull(changes)
    assert status == 1 and reason in said, (what, status, said)
    assert os.listdir(folder) == [], (what, os.listdir(folder))
status, said = pull({f"/v2/a/manifests/{sha256(b'')}": (INDEX, index)}, "@" + sha256(b""))
assert status == 1 and "another digest" in said, said

# A blob may lie elsewhere, as it does in large registries. It is asked for there without the password; nobody is sent in
# circles.
login = "Basic dG9rZW46c2VjcmV0"  # token:secret
with Registry({"/elsewhere": ("x", artifact)}) as other, Registry({**honest, blob: f"http://{other.host}/elsewhere"}, login) as registry:
    result = subprocess.run([AOTC, "pull", f"{registry.host}/a:t", "--target", "x86_64", "-o", "out.aotc"], cwd=folder,
                            stdout=subprocess.DEVNULL, env={"HOME": folder, "AOTC_TOKEN": "secret"})
    assert result.returncode == 0 and open(f"{folder}/out.aotc", "rb").read() == artifact
    assert other.asked == [("/elsewhere", None)] and registry.asked[-1] == (blob, login), (other.asked, registry.asked)
    os.remove(f"{folder}/out.aotc")
status, said = pull({blob: blob})
assert status == 1 and "the server answered 307" in said, said
status, said = pull({blob: "ftp://127.0.0.1/x"})
assert status == 1 and "is not a URL" in said, said
