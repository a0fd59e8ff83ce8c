# `aotc-server revoke` signs and publishes lists: of an index in each repository that has it, of a compiler for the fleet, of
# all that a repository has. What is revoked is not served, not published again, and refused by who trusts the key; lists stay
# when keys change, cannot be deleted, and come back.
# RUN: %python %s %t
import json
import os
import subprocess

from harness import AOTC, BIN, Server, StoreFiles, different, fresh_folder, hello_wasm, sha256

folder = fresh_folder()
wasm = hello_wasm(folder)
TAG, TYPE = "aotc-revocations", "application/vnd.aotc.revocations.v1"
for key in ("old", "new"):
    subprocess.run([AOTC, "keygen", f"{folder}/{key}"], check=True, stdout=subprocess.DEVNULL)
server = Server(folder, "--threads", "1", "--sign-key", f"{folder}/old.key")
VERSION = subprocess.run([f"{BIN}/aotc-server", "--version"], check=True, text=True, capture_output=True).stdout.split()[1]


def revoke(*words, code=0, reason="leaks"):
    done = subprocess.run([os.path.join(BIN, "aotc-server"), "revoke", "--data", server.data, "--reason", reason, *words],
                          capture_output=True, text=True)
    assert done.returncode == code, done
    return done.stdout + done.stderr


def aotc(*words):
    result = subprocess.run([AOTC, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
    return result.returncode, result.stdout


def upload(module, name, tag="latest"):
    status, answer = server.upload(module, f"?tier=quick&target=host&name={name}&tag={tag}")
    return status, server.wait(answer["id"]) if status in (200, 202) else answer


def compile(module, name, tag="latest"):
    status, job = upload(module, name, tag)
    assert status in (200, 202) and job["state"] == "done", job
    return job["index"]


def lists(name):
    """The texts of a repository's lists, its own first."""
    manifest = json.loads(server.get(f"/v2/{name}/manifests/{TAG}"))
    assert manifest["artifactType"] == TYPE and all(layer["mediaType"] == TYPE for layer in manifest["layers"]), manifest
    texts = [server.get(f"/v2/{name}/blobs/{layer['digest']}") for layer in manifest["layers"]]
    assert [sha256(text) for text in texts] == [layer["digest"] for layer in manifest["layers"]]
    return [text.decode() for text in texts]


def entries(text):
    """(repository, sequence, entries)"""
    lines = text.splitlines()
    assert lines[0] == "aotc-revocations 1", text
    return lines[1].split()[1], int(lines[2].split()[1]), [line for line in lines[4:] if not line.startswith("signature ")]


def pull(name, key="old"):
    return aotc("pull", f"127.0.0.1:{server.port}/{name}", "--target", "host", "-o", "out.aotc", "--trust", f"{key}.pub")


def status_of(path):
    return server.request("GET", path)[0]


with server:
    bad, good = compile(wasm, "app"), compile(different(wasm, "good"), "app", "good")
    assert compile(wasm, "twin") == bad and compile(different(wasm, "kept"), "kept")
    for words, why in (((), "--compiler, --index or --repository is needed"), (("--index", "sha256:1"), "not a digest"),
                       (("--compiler", "a b"), "not the version of a compiler"), (("--repository", "../x"), "not a repository"),
                       (("--index", sha256(b"")), "no repository has"), (("--repository", "never"), "nothing was ever signed")):
        assert why in revoke(*words, code=1), words
    assert "excludes" in revoke("--index", bad, "--compiler", "1", code=2)
    for reason in ("", "two\nlines", "\xe4", "x" * 201):
        assert "printable characters of ASCII" in revoke("--index", bad, code=1, reason=reason)
    assert status_of(f"/v2/app/manifests/{TAG}") == 404 and server.stats()["published_revocations"] == 0

    # An index, wherever it is.
    manifest = server.get(f"/v2/app/manifests/{bad}")
    assert "2 images are not served any more; nodes are told in 2 repositories" in revoke("--index", bad)
    for name in ("app", "twin"):
        assert status_of(f"/v2/{name}/manifests/{bad}") == 404
        assert [entries(text) for text in lists(name)] == [(name, 1, [f"index {bad} leaks"])]
    assert status_of(f"/v2/kept/manifests/{TAG}") == 404 and status_of("/v2/app/manifests/good") == 200
    assert pull("app:good")[0] == 0
    status, job = upload(wasm, "app")
    assert status == 202 and job["state"] == "failed" and job["error"]["status"] == 403, job
    assert "the image was revoked: leaks" in job["error"]["detail"], job
    compile(wasm, "other")  # where it was not revoked
    # One more, in one repository; the list grows.
    assert "1 images" in revoke("--index", bad, "--repository", "other", reason="here too")
    assert [entries(text) for text in lists("other")] == [("other", 1, [f"index {bad} here too"])]

    # Nobody takes it away.
    digest = sha256(server.get(f"/v2/app/manifests/{TAG}"))
    for reference in (TAG, digest):
        assert server.request("DELETE", f"/v2/app/manifests/{reference}")[0] == 403
    status, answer = upload(wasm, "app", TAG)
    assert status == 400 and "is for revocations" in answer["detail"], answer
    assert server.request("DELETE", f"/v2/app/manifests/{good}")[0] == 202  # the rest of the repository
    assert lists("app"), "they stay"
    compile(different(wasm, "good"), "app", "good")

    # A compiler, for all; it tells everybody who was ever signed for.
    assert "nodes are told in 4 repositories" in revoke("--compiler", "0.0.9", reason="miscompiles")
    assert [entries(text) for text in lists("kept")] == [("*", 1, ["compiler 0.0.9 miscompiles"])]
    assert [entries(text)[0] for text in lists("app")] == ["app", "*"]
    assert pull("kept:latest")[0] == 0

    # All of a repository; what is signed after it is good, were it the same.
    assert "1 images are not served any more" in revoke("--repository", "kept", reason="all of it")
    assert entries(lists("kept")[0]) == ("kept", 1, ["through 1 all of it"])
    assert status_of("/v2/kept/manifests/latest") == 404
    compile(different(wasm, "kept"), "kept")
    assert pull("kept:latest")[0] == 0
    assert server.stats()["published_revocations"] == 2 + 1 + 4 + 1, server.stats()


# Keys change, and somebody has been in the store: the lists are signed anew, and are where they were.
StoreFiles(server.data).delete("tags", f"twin\0{TAG}".encode())
server.options = ("--threads", "1", "--sign-key", f"{folder}/new.key")
with server:
    assert [entries(text) for text in lists("twin")] == [("twin", 2, [f"index {bad} leaks"]), ("*", 2, ["compiler 0.0.9 miscompiles"])]
    assert pull("kept:latest", "new")[0] == 0 and pull("kept:latest", "old")[0] == 1
    with open(f"{folder}/list", "w") as file:
        file.write(lists("app")[0])
    status, said = aotc("verify", "list", "--trust", "new.pub", "--repository", "app", "--index", bad)
    assert status == 1 and "not a well-formed statement" in said, said

    # The server's own compiler: nothing of it is published any more, until there is another server.
    assert "images are not served any more" in revoke("--compiler", VERSION, reason="miscompiles")
    status, answer = upload(different(wasm, "later"), "app")
    assert status == 503 and f"compiler {VERSION} was revoked: miscompiles" in answer["detail"], answer
server.options = ("--threads", "1")
with server:
    assert "no node is told" in revoke("--compiler", "0.0.8", reason="miscompiles")
    assert [entries(text)[1] for text in lists("app")] == [2, 3], "what was signed stays"
server.options = ("--threads", "1", "--sign-key", f"{folder}/new.key")
with server:
    assert entries(lists("app")[1]) == ("*", 5, [f"compiler {version} miscompiles" for version in ("0.0.8", "0.0.9", VERSION)])
