# What the server refuses at its start, in its administration and in an upload says what is wrong, with what.
# RUN: %python %s %t
import http.client
import json
import os
import resource
import subprocess

from harness import AOTC, BIN, Authority, Server, fresh_folder, hello_wasm, write_tokens

folder = fresh_folder()
PROGRAM = os.path.join(BIN, "aotc-server")
subprocess.run([AOTC, "keygen", f"{folder}/fleet"], check=True, stdout=subprocess.DEVNULL)
os.chmod(f"{folder}/fleet.key", 0o644)
HASH = "0" * 64


def start(*options, code=1, **how):
    done = subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=60, **how)
    assert done.returncode == code, (options, done)
    return done.stderr + done.stdout


def serve(*options, listen="127.0.0.1:0", **how):
    return start("--data", f"{folder}/data", "--listen", listen, *options, **how)


def with_tokens(tokens):
    path = f"{folder}/tokens.json"
    with open(path, "w") as file:
        file.write(tokens if isinstance(tokens, str) else json.dumps(tokens))
    said = serve("--token-file", path)
    assert path in said, said
    return said


assert "Run `aotc-server --help` for how to use it" in start("--datum", code=2)
assert "not a loopback address, so it needs --token-file, or --anonymous if everybody who reaches it may use it" in serve(listen="0.0.0.0:0")
assert "is not ADDRESS:PORT" in serve("--anonymous", listen="8080")
assert "is not an IP address" in serve("--anonymous", listen="localhost:0")
assert "others can read this key; make it `chmod 600`" in serve("--sign-key", f"{folder}/fleet.key")
few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
assert "descriptors, but this process may have 1000" in serve(preexec_fn=few)

tenant = lambda **fields: {"tenants": {"acme": fields}}
for tokens, said in (("{", "not JSON"), ("[]", "is not an object"), ({"tenants": {"A/b": {}}}, "not a name that repositories can start with"),
                     (tenant(tokens=[{"sha256": "x", "roles": ["pull"]}]), "with 64 lower-case hex digits"),
                     (tenant(tokens=[{"sha256": HASH}]), 'a token needs "roles"'),
                     (tenant(tokens=[{"sha256": HASH, "roles": ["own"]}]), 'a role is "pull" or "push"'),
                     (tenant(bytes=-1), "is not a number of at least 0"), (tenant(evict=1), "is not true or false")):
    assert said in with_tokens(tokens), (tokens, said)

assert "no server runs on" in start("rebuild", "--data", f"{folder}/data", "--compiler", "0.0.1")
odd = os.fsdecode(b"\xff")
assert "--to: the path is not UTF-8" in start("backup", "--data", f"{folder}/data", "--to", f"{folder}/{odd}")

os.chmod(f"{folder}/fleet.key", 0o600)
tokens = write_tokens(folder, {"acme": {"tokens": {"acme-rw": ["pull", "push"]}},
                               "spent": {"tokens": {"spent-rw": ["pull", "push"]}, "cpu_seconds": 0}})
with Server(folder, "--token-file", tokens, "--sign-key", f"{folder}/fleet.key", "--backups", f"{folder}/backups") as server:
    def ask(command, *words):
        return start(command, "--data", server.data, *words)

    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert f"this server's own compiler is {version}" in ask("rebuild", "--compiler", version)
    assert "a running server can write to its --backups only" in ask("backup", "--to", f"{folder}/elsewhere")
    revoke = lambda *words, reason="leaks": ask("revoke", "--reason", reason, *words)
    assert "nothing was ever signed for acme/app" in revoke("--repository", "acme/app")
    assert "; --repository can name one that had it" in revoke("--index", "sha256:" + HASH)
    assert "the reason is not 1 to 200 printable characters of ASCII" in revoke("--compiler", "0.0.1", reason="ä")
    status, _, body = server.as_user("acme-rw").request("POST", "/v1/compile?name=other/app", hello_wasm(folder))
    assert status == 400 and 'name: your repositories start with \\"acme/\\"' in body.decode(), (status, body)
    status, _, body = server.as_user("spent-rw").request("POST", "/v1/compile", hello_wasm(folder))
    assert status == 429 and "the quota of 0 processor seconds a day is used up" in body.decode(), (status, body)

with Server(folder) as server:
    def aotc(*words):
        return subprocess.run([AOTC, *words], capture_output=True, text=True, timeout=300)

    wasm = f"{folder}/hello.wasm"
    with open(wasm, "wb") as file:
        file.write(hello_wasm(folder))
    done = aotc("compile", wasm, "--server", f"http://127.0.0.1:{server.port}", "--name", "app:v1", "--target", "x86_64", "--tier", "quick")
    assert done.returncode == 0, done
    done = aotc("pull", f"http://127.0.0.1:{server.port}/app:v1", "--target", "aarch64", "-o", f"{folder}/y")
    assert done.returncode == 1 and "the image has nothing for aarch64" in done.stderr, done

with Server(folder, *Authority(folder).issue("server")) as server:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/healthz")
    assert "this port speaks TLS: use https://" in connection.getresponse().read().decode()
