# What was signed and then revoked, `aotc verify` and `aotc pull --trust` refuse, and say why: by a list of the repository or of
# the whole fleet, by index, sequence or the compiler that the image's config names. Lists by others are refused themselves.
# RUN: %python %s %t
import os
import subprocess

from fleet import Images, Key, digest, revocations, statement
from harness import AOTC, fresh_folder
from registry_of_lies import Registry

folder = fresh_folder()
key, stranger = Key(folder, "key"), Key(folder, "stranger")
images = Images()
index = images.publish(key, 7, ({"os": "linux", "architecture": "amd64"}, b"\x7fELF" + bytes(100)), compiler="0.1.0")
other = digest(b"")
open(f"{folder}/statement", "wb").write(statement(key, "acme/app", index, 7))


def aotc(*words):
    result = subprocess.run([AOTC, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
                            env={"HOME": folder})
    return result.returncode, result.stdout


def outcomes(*lists):
    """How `aotc verify` and `aotc pull` end."""
    files = []
    for number, text in enumerate(lists):
        with open(f"{folder}/list{number}", "wb") as file:
            file.write(text)
        files += ["--revocations", file.name]
    yield aotc("verify", "statement", "--trust", key.public, "--repository", "acme/app", "--index", index, "--compiler", "0.1.0", *files)
    images.revoke(*lists)
    with Registry(images.paths) as registry:
        yield aotc("pull", f"{registry.host}/acme/app:v1", "--target", "x86_64", "-o", "out.aotc", "--trust", key.public)


ours = lambda *entries: revocations(key, "acme/app", 1, *entries)
fleet = lambda *entries: revocations(key, "*", 1, *entries)
for lists, reason in (
        ([ours(f"index {index} leaks")], "revoked: leaks"),
        ([ours("compiler 0.1.0 miscompiles")], "revoked: miscompiles"),
        ([ours("through 7 too old")], "revoked: too old"),
        ([fleet("compiler 0.1.0 miscompiles")], "revoked: miscompiles"),
        ([ours(), fleet(f"index {index} leaks")], "revoked: leaks"),
        ([ours(f"index {other} leaks", "through 6 too old"), fleet("compiler 0.0.9 miscompiles")], None),
        ([revocations(stranger, "acme/app", 1)], "not signed by a trusted key"),
        ([revocations(key, "acme/other", 1)], "revocations for acme/other, not for acme/app"),
        ([ours().replace(b"sequence 1", b"sequence 2")], "the signature is wrong"),
        ([ours("through 7 x", "compiler 0.1.0 y")], "not a well-formed list of revocations")):
    for status, said in outcomes(*lists):
        assert status == (1 if reason else 0) and (reason or "") in said, (lists, reason, said)
        assert os.path.exists(f"{folder}/out.aotc") == (reason is None and "out.aotc" in said), said
        if os.path.exists(f"{folder}/out.aotc"):
            os.remove(f"{folder}/out.aotc")
# Who does not know the compiler does not learn that it is revoked.
with open(f"{folder}/list", "wb") as file:
    file.write(fleet("compiler 0.1.0 miscompiles"))
assert aotc("verify", "statement", "--trust", key.public, "--repository", "acme/app", "--index", index, "--revocations", "list")[0] == 0

# What a registry says is the list is bounded.
for lists in ([ours()] * 3, [b"x" * (65 << 10)]):
    images.revoke(*lists)
    with Registry(images.paths) as registry:
        status, said = aotc("pull", f"{registry.host}/acme/app:v1", "--target", "x86_64", "-o", "out.aotc", "--trust", key.public)
        assert status == 1 and "larger than any list of revocations" in said, said

# `aotc push` takes the lists along, and before the image.
images = Images()
images.put(b"artifact")
images.revoke(ours(f"index {other} leaks"), fleet())
with Registry(images.paths) as source, Registry({}, uploads="/upload") as target:
    status, said = aotc("push", f"{source.host}/acme/app:v1", f"{target.host}/acme/copy:v1")
    assert status == 0, said
    put = [path for path, _ in target.asked if "/manifests/" in path]
    assert put[-2:] == ["/v2/acme/copy/manifests/aotc-revocations", "/v2/acme/copy/manifests/v1"], put
