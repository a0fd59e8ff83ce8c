# What one module of a tenant was compiled to is used for his next one, never for another tenant's; for all tenants are only
# functions of the operator's modules and, if he wants that, such as several tenants have and a worker has compiled again to
# the same bytes. What
# comes of a module is the same whatever is known of it. At tier auto a job takes what is known and makes quick code of the
# rest; its tags move to the best as soon as that is made.
# RUN: %python %s %t
import os
import subprocess

from harness import BIN, Server, compile_wat, fresh_folder, until, write_tokens

folder = fresh_folder()
COMMON, TARGET = 6, "target=x86_64"


def module(name, own):
    """COMMON functions that every module has, and one of its own."""
    path = f"{folder}/{name}"
    functions = [f"(func (export \"f{i}\") (param i32) (result i32) (i32.div_u (i32.const {10**6 + i}) (local.get 0)))"
                 for i in (*range(COMMON), own)]
    with open(path + ".wat", "w") as file:
        file.write("(module " + "\n".join(functions) + ")")
    return compile_wat(path + ".wat", path + ".wasm")


first, second, third = (module(name, 1000 + i) for i, name in enumerate(("first", "second", "third")))
tenants = {name: {"tokens": {name: ["pull", "push"]}} for name in ("acme", "evil", "third")}
tokens = write_tokens(folder, tenants)


def compiled(user, wasm, options="tier=best"):
    """The job's one artifact, and its index."""
    name = f"{user.token}/app" if user.token else "app"
    _, job = user.upload(wasm, f"?{options}&{TARGET}&name={name}")
    job = user.wait(job["id"])
    assert job["state"] == "done", job
    return job["artifacts"][0] | {"index": job["index"], "tier": job["tier"]}


with Server(f"{folder}/off", "--token-file", tokens, "--function-cache-bytes", "0") as server:
    acme = server.as_user("acme")
    digests = [compiled(acme, wasm)["digest"] for wasm in (first, second, third)]
    assert compiled(acme, second, "tier=quick")["digest"] not in digests
    assert server.as_user("root").stats()["cached_functions"] == 0

# A tenant's own, also after a restart.
server = Server(f"{folder}/own", "--token-file", tokens)
with server:
    job = compiled(server.as_user("acme"), first)
    assert (job["digest"], job["functions"], job["cached_functions"]) == (digests[0], COMMON + 1, 0), job
with server:
    acme, evil = server.as_user("acme"), server.as_user("evil")
    job = compiled(acme, second)
    assert (job["digest"], job["cached_functions"]) == (digests[1], COMMON), job
    job = compiled(evil, first)
    assert (job["digest"], job["cached_functions"]) == (digests[0], 0), job
    stats = server.as_user("root").stats()
    assert (stats["functions"], stats["cached_functions"], stats["shared_functions"]) == (2 * COMMON + 2, COMMON, 0), stats

# What is damaged is compiled.
cache = f"{server.data}/functions/functions"
for name in os.listdir(cache):
    if name.endswith(".sst"):
        with open(f"{cache}/{name}", "r+b") as file:
            file.seek(50)
            file.write(b"\xff" * 50)
with server:
    assert compiled(server.as_user("acme"), third)["digest"] == digests[2]
assert "function cache: " in open(server.log).read()

# Operator's modules are for all, as soon as nobody waits.
with Server(f"{folder}/warm", "--token-file", tokens, "--warm", f"{folder}/first.wasm") as server:
    operator = server.as_user("root")
    until(lambda: operator.stats()["warmed_functions"] == 2 * (COMMON + 1), "the module is compiled for both architectures")
    job = compiled(server.as_user("evil"), second)
    assert (job["digest"], job["cached_functions"]) == (digests[1], COMMON), job

# Functions of two tenants are, once they have been compiled again; not what a tenant has made of them.
server = Server(f"{folder}/shared", "--token-file", tokens)
with server:
    compiled(server.as_user("acme"), first)
spoil = [f"{BIN}/spoil_cache", f"{server.data}/functions", "tenant acme"]
for to in "tenant acme", "tenant evil":
    assert int(subprocess.run([*spoil, to], check=True, capture_output=True, text=True).stdout) > COMMON
server.options += ("--share-functions", "2")
with server:
    operator = server.as_user("root")
    compiled(server.as_user("third"), b"\0asm\1\0\0\0")  # news, without which nobody looks
    until(lambda: operator.stats()["refused_functions"] > COMMON, "what was changed is refused")
    job = compiled(server.as_user("third"), first)
    assert (job["digest"], job["cached_functions"]) == (digests[0], 0), job
    assert operator.stats()["shared_functions"] == 0, operator.stats()
with Server(f"{folder}/two", "--token-file", tokens, "--share-functions", "2") as server:
    operator = server.as_user("root")
    for user in "acme", "evil":
        compiled(server.as_user(user), first)
    until(lambda: operator.stats()["shared_functions"] > COMMON, "they are shared")
    job = compiled(server.as_user("third"), second)
    assert (job["digest"], job["cached_functions"]) == (digests[1], COMMON), job

def tagged(tag):
    return server.request("HEAD", "/v2/app/manifests/" + tag)[1]["docker-content-digest"]


# Tier auto, which is what a server takes without one.
server = Server(f"{folder}/auto")
with server:
    best = compiled(server, first, "tier=best&tag=v1")
    quick = compiled(server, second, "tag=v2")
    assert quick["tier"] == "auto" and 0 < quick["quick_functions"] < COMMON and quick["cached_functions"] == COMMON, quick
    until(lambda: tagged("v2") != quick["index"], "the tag moves")
    there = compiled(server, second, "tag=v3")
    assert (there["digest"], there["tier"], there["index"]) == (digests[1], "best", tagged("v2")), there
    same = compiled(server, first, "tag=v4")
    assert (same["index"], same["tier"]) == (best["index"], "best"), same
    # A tag that was given to something else meanwhile stays there.
    quick = compiled(server, third, "tag=v5")
    compiled(server, first, "tier=best&tag=v5")
    until(lambda: compiled(server, third, "tag=v6")["tier"] == "best", "the best is there")
    assert tagged("v5") == best["index"] != tagged("v6")
