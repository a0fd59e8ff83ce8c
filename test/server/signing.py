# Images are signed for their repository as OCI referrers: `aotc verify` accepts them with a trusted key and nothing else.
# Each publication has a higher sequence; a change of keys signs again what is tagged; what is deleted takes its statement
# along.
# RUN: %python %s %t
import json
import os
import subprocess

from harness import AOTC, BIN, Server, different, fresh_folder, hello_wasm, sha256

folder = fresh_folder()
wasm = hello_wasm(folder)
TYPE = "application/vnd.aotc.statement.v1"


def aotc(*arguments):
    result = subprocess.run([AOTC, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return result.returncode, result.stdout


def statement(server, repository, index):
    """The statement of an index as a node finds it."""
    referrers = server.get_json(f"/v2/{repository}/referrers/{index}?artifactType={TYPE}")["manifests"]
    assert len(referrers) == 1 and referrers[0]["artifactType"] == TYPE, referrers
    body = server.get(f"/v2/{repository}/manifests/{referrers[0]['digest']}")
    assert sha256(body) == referrers[0]["digest"] and len(body) == referrers[0]["size"]
    manifest = json.loads(body)
    assert manifest["subject"]["digest"] == index and manifest["artifactType"] == TYPE, manifest
    return server.get(f"/v2/{repository}/blobs/{manifest['layers'][0]['digest']}")


def verify(text, repository, index, *keys, options=()):
    with open(f"{folder}/statement", "wb") as file:
        file.write(text)
    trust = [word for key in keys for word in ("--trust", f"{folder}/{key}.pub")]
    return aotc("verify", f"{folder}/statement", "--repository", repository, "--index", index, *trust, *options)


for key in ("old", "new", "stranger"):
    assert aotc("keygen", f"{folder}/{key}")[0] == 0
    assert os.stat(f"{folder}/{key}.key").st_mode & 0o777 == 0o600
status, said = aotc("keygen", f"{folder}/old")
assert status == 1 and "File exists" in said, said

with Server(folder, "--sign-key", f"{folder}/old.key") as server:
    job = server.wait(server.upload(wasm, "?tier=quick&target=host&name=acme/app")[1]["id"])
    index = job["index"]
    first = statement(server, "acme/app", index)
    assert b"\nsequence 1\n" in first
    assert verify(first, "acme/app", index, "old")[0] == 0
    assert verify(first, "acme/app", index, "new", "old")[0] == 0
    for arguments, options, reason in (
            (("acme/app", index, "stranger"), (), "not signed by a trusted key"),
            (("acme/other", index, "old"), (), "signed for acme/app, not for acme/other"),
            (("acme/app", sha256(b""), "old"), (), "not for sha256:"),
            (("acme/app", index, "old"), ("--sequence", "2"), "2 was seen before"),
            (("acme/app", index, "old"), ("--time", str(1 << 40)), "expired")):
        status, said = verify(first, *arguments, options=options)
        assert status == 1 and reason in said, said
    status, said = verify(first.replace(b"sequence 1", b"sequence 2"), "acme/app", index, "old")
    assert status == 1 and "the signature is wrong" in said, said

    # Published again, under another name, and something else under the same name.
    assert server.upload(wasm, "?tier=quick&target=host&name=acme/app")[0] == 200
    assert b"\nsequence 2\n" in statement(server, "acme/app", index)
    server.upload(wasm, "?tier=quick&target=host&name=acme/copy")
    assert b"repository acme/copy\n" in statement(server, "acme/copy", index)
    other = server.wait(server.upload(different(wasm, "x"), "?tier=quick&target=host&name=acme/app")[1]["id"])["index"]
    assert b"\nsequence 3\n" in statement(server, "acme/app", other)
    assert server.get_json(f"/v2/acme/app/referrers/{sha256(b'')}")["manifests"] == []
    assert server.get_json(f"/v2/acme/app/referrers/{other}?artifactType=x")["manifests"] == []
    assert server.stats()["renewed_statements"] == 0

    assert server.request("DELETE", f"/v2/acme/app/manifests/{index}")[0] == 202
    assert server.get_json(f"/v2/acme/app/referrers/{index}")["manifests"] == []
    assert statement(server, "acme/app", other) and statement(server, "acme/copy", index)

# Two keys, then the new one alone: who trusts either is served at every step.
with Server(folder, "--sign-key", f"{folder}/old.key", "--sign-key", f"{folder}/new.key") as server:
    assert server.stats()["renewed_statements"] == 2
    both = statement(server, "acme/app", other)
    assert verify(both, "acme/app", other, "old", options=("--sequence", "4"))[0] == 0
    assert verify(both, "acme/app", other, "new")[0] == 0
with Server(folder, "--sign-key", f"{folder}/new.key") as server:
    assert server.stats()["renewed_statements"] == 2
    assert verify(statement(server, "acme/app", other), "acme/app", other, "new", options=("--sequence", "5"))[0] == 0
    assert verify(statement(server, "acme/app", other), "acme/app", other, "old")[0] == 1
with Server(folder, "--sign-key", f"{folder}/new.key") as server:
    assert server.stats()["renewed_statements"] == 0, "nothing has changed"

for key, reason in ((f"{folder}/old.pub", "chmod 600"), (f"{folder}/nothing", "No such file"), ("/dev/null", "")):
    result = subprocess.run([f"{BIN}/aotc-server", "--data", f"{folder}/refused",
                             "--sign-key", key], stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1 and reason in result.stderr, result
