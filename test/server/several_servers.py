# Three servers behind an nginx that chooses by module, with one Redis for their functions and one registry for images: each
# module is compiled once in the fleet, and each function once, for one tenant; another tenant is given nothing of it, but
# what an operator's module holds. Without Redis all goes on.
# RUN: %python %s %t
# REQUIRES: redis, nginx, docker-registry
import contextlib
import os
import subprocess

from harness import AOTC, BIN, Server, check, compile_wat, docker_registry, fresh_folder, until, write_tokens
from remotes import Key, ask_redis, proxy, redis

folder = fresh_folder()
COMMON, MODULES, SECRET = 40, 6, "pass word"
images, functions = Key(folder, "images"), Key(folder, "functions")
tokens = write_tokens(folder, {name: {"tokens": {name: ["pull", "push"]}} for name in ("acme", "evil")})


def module(name, own):
    """COMMON functions that every module has, and one of its own."""
    path = f"{folder}/{name}"
    numbers = (*range(COMMON), own)
    with open(path + ".wat", "w") as file:
        file.write("(module " + "\n".join(f"(func (export \"f{i}\") (param i32) (result i32) (i32.div_u (i32.const {10**6 + i}) (local.get 0)))"
                                          for i in numbers) + ")")
    compile_wat(path + ".wat", path + ".wasm")
    return path + ".wasm"


def aotc(*words, token="acme"):
    result = subprocess.run([AOTC, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                            env={"HOME": folder, "AOTC_TOKEN": token, "PATH": os.environ["PATH"]})
    check(result.returncode == 0, (words, result.stdout))
    return result.stdout


def upload(server, wasm, name):
    """Of a server without the others: the job's one artifact."""
    with open(wasm, "rb") as file:
        _, job = server.upload(file.read(), f"?tier=best&target=x86_64&name={name}")
    job = server.wait(job["id"])
    check(job["state"] == "done", job)
    return job["artifacts"][0]


# What cannot be meant is said at once.
url = "redis://:hidden@127.0.0.1:1"
os.chmod(functions.secret, 0o644)
for words, message in ((("--cache-remote", "ftp://x"), "--cache-remote: "),
                       (("--cache-remote", url), "--cache-trust: what comes from redis://127.0.0.1:1 becomes code: it needs a public key to check it by"),
                       (("--cache-remote", url, "--cache-sign", functions.secret, "--function-cache-bytes", "0"),
                        "--cache-remote: with --function-cache-bytes 0 there is no cache"),
                       (("--cache-remote", url, "--cache-sign", functions.secret), "others can read this key"),
                       (("--cache-remote", url, "--cache-trust", f"{folder}/none"), f"{folder}/none: No such file"),
                       (("--cache-remote", url, "--cache-trust", functions.secret), f"{functions.secret}: ")):
    result = subprocess.run([f"{BIN}/aotc-server", "--data", f"{folder}/wrong", "--listen", "127.0.0.1:0", *words], capture_output=True, text=True, timeout=60)
    check(result.returncode == 1 and message in result.stderr and "hidden" not in result.stderr, (words, result))
os.chmod(functions.secret, 0o600)

modules = [module(f"m{n}", 1000 + n) for n in range(MODULES)]
with Server(f"{folder}/alone", "--function-cache-bytes", "0") as alone:
    expected = [upload(alone, wasm, "app")["digest"] for wasm in modules]

with contextlib.ExitStack() as stack:
    port = stack.enter_context(redis(folder, "--requirepass", SECRET))
    environment = dict(os.environ, AOTC_CACHE_TOKEN=SECRET)
    options = ("--token-file", tokens, "--sign-key", images.secret, "--cache-remote", f"redis://127.0.0.1:{port}", "--cache-sign", functions.secret,
               "--cache-wait", "30s")
    fleet = []
    for n in range(3):
        server = Server(f"{folder}/server-{n}", *options)
        server.environment = environment
        fleet.append(stack.enter_context(server))

    def stats(name):
        return [server.as_user("root").stats()[name] for server in fleet]

    def sent_to_all(wasm, n, token="acme"):
        aotc("compile", wasm, "--server", front, "--name", f"{token}/m{n}:v1", "--target", "x86_64", "--tier", "best", token=token)

    front = "http://" + stack.enter_context(proxy(folder, [server.port for server in fleet]))
    for _ in range(2):
        for n, wasm in enumerate(modules):
            sent_to_all(wasm, n)
    check(sum(stats("uploads")) == sum(stats("compiled")) == MODULES and max(stats("compiled")) < MODULES, (stats("uploads"), stats("compiled")))
    new = sum(stats("functions")) - sum(stats("cached_functions"))
    check(new == COMMON + MODULES and sum(stats("remote_functions")) >= COMMON, (stats("functions"), stats("cached_functions"), stats("remote_functions")))
    jobs = [job for server in fleet for job in server.as_user("acme").get_json("/v1/modules")["modules"]]
    check(sorted(job["artifacts"][0]["digest"] for job in jobs) == sorted(expected), jobs)

    # Another tenant.
    other = upload(fleet[0].as_user("evil"), modules[0], "evil/app")
    check((other["digest"], other["cached_functions"]) == (expected[0], 0), other)

    # What an operator has compiled for all, on a server of its own.
    warm = Server(f"{folder}/warm", *options, "--warm", modules[0])
    warm.environment = environment
    with warm:
        until(lambda: warm.as_user("root").stats()["warmed_functions"] == 2 * (COMMON + 1), "the module is compiled for both architectures")
    third = upload(fleet[1].as_user("evil"), modules[1], "evil/app")
    check((third["digest"], third["cached_functions"]) == (expected[1], COMMON), third)

    # From a registry all nodes pull.
    with docker_registry(folder) as registry:
        for n in range(MODULES):
            path = f"/v2/acme/m{n}/manifests/v1"
            owners = [server.port for server in fleet if server.as_user("acme").request("GET", path)[0] == 200]
            check(len(owners) == 1, (n, owners))
            aotc("push", f"127.0.0.1:{owners[0]}/acme/m{n}:v1", f"{registry}/acme/m{n}:v1")
            aotc("pull", f"{registry}/acme/m{n}:v1", "--trust", images.public, "-o", f"{folder}/pulled-{n}")

    # A server that signs nothing takes only what it is told to believe.
    strange = Key(folder, "strange")
    for name, key, cached in (("reader", functions, COMMON), ("doubter", strange, 0)):
        lone = Server(f"{folder}/{name}", "--token-file", tokens, "--cache-remote", f"redis://127.0.0.1:{port}", "--cache-trust", key.public,
                      "--cache-wait", "30s")
        lone.environment = environment
        with lone:
            made = upload(lone.as_user("evil"), module("new", 2000), "evil/app")
            check(made["cached_functions"] == cached, (name, made))
    check("was not signed by a trusted key" in open(f"{folder}/doubter/server.log").read(), "it says so")

    ask_redis(port, "-a", SECRET, "shutdown", "nosave")
    last = upload(fleet[2].as_user("evil"), module("last", 3000), "evil/last")
    check(last["functions"] == COMMON + 1, last)
    log = open(f"{folder}/server-2/server.log").read()
    check(f'"cache":"redis://127.0.0.1:{port}"' in log and "going on without" in log and SECRET not in log, log[-2000:])
