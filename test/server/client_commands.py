# The command line as a client: compile on a server, list, pull with the signature checked, remove; each refusal names its
# reason.
# RUN: %python %s %t
import os
import subprocess

from harness import AOTC, Server, fresh_folder, hello_wasm, sha256, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
with open(f"{folder}/broken.wasm", "wb") as file:
    file.write(wasm[:-3])


def aotc(*arguments, token="acme", status=0):
    environment = {**os.environ, "HOME": folder, "AOTC_TOKEN": token}
    result = subprocess.run([AOTC, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=environment, cwd=folder)
    assert result.returncode == status, (arguments, result)
    return result.stdout


for key in ("fleet", "stranger"):
    aotc("keygen", key)
tokens = write_tokens(folder, {name: {"tokens": {name: ["pull", "push"]}} for name in ("acme", "evil")})
with Server(folder, "--token-file", tokens, "--sign-key", f"{folder}/fleet.key") as server:
    host = f"127.0.0.1:{server.port}"
    remote = ("--server", f"http://{host}", "--tier", "quick", "--target", "all")
    said = aotc("compile", "hello.wasm", *remote, "--name", "acme/hello:v1")
    index = said.splitlines()[-1]
    assert [line.split(":")[0] for line in said.splitlines()[:-1]] == ["x86_64 x86-64-v3", "aarch64 armv8-a"], said
    assert sha256(server.as_user("acme").get("/v2/acme/hello/manifests/v1")) == index, said
    assert aotc("compile", "hello.wasm", *remote, "--name", "acme/hello:v2").endswith(index + "\n")

    said = aotc("compile", "hello.wasm", *remote[:4], "--target", "x86_64", "--cpu", "x86-64-v4,x86-64-v2", "--name", "acme/two")
    assert [line.split(":")[0] for line in said.splitlines()[:-1]] == ["x86_64 x86-64-v2", "x86_64 x86-64-v4"], said
    aotc("rm", f"{host}/acme/two:latest")

    assert aotc("ls", host) == "acme/hello\n"
    assert aotc("ls", f"http://{host}/acme/hello") == f"v1  {index}\nv2  {index}\n"
    for reference in (f"{host}/acme/hello:v1", f"oci://{host}/acme/hello@{index}"):
        assert index in aotc("pull", reference, "--trust", "stranger.pub", "--trust", "fleet.pub")
        assert subprocess.check_output([AOTC, "run", f"{folder}/hello.aotc"]) == b"hello\n"
        os.remove(f"{folder}/hello.aotc")
    aotc("pull", f"{host}/acme/hello:v1", "--target", "wasm", "-o", "again.wasm")
    assert open(f"{folder}/again.wasm", "rb").read() == wasm
    aotc("pull", f"{host}/acme/hello:v1", "--target", "aarch64", "-o", "arm.aotc")
    assert "aarch64" in aotc("inspect", "--verify", "arm.aotc")

    pull = ("pull", f"{host}/acme/hello:v1", "-o", "never.aotc")
    refused = {
        "not signed by a trusted key": (*pull, "--trust", "stranger.pub"),
        "signed for acme/hello, not for acme/other": (*pull, "--trust", "fleet.pub", "--signed-for", "acme/other"),
        "there is no such image": ("pull", f"{host}/acme/hello:v3"),
        "not for this repository": ("pull", f"{host}/evil/hello:v3"),
        "Connection refused": ("pull", "127.0.0.1:1/acme/hello:v1"),
        "module.wasm: ": ("compile", "broken.wasm", *remote),
        'unknown baseline "z80"': ("compile", "hello.wasm", *remote, "--cpu", "z80"),
        'start with "acme/"': ("compile", "hello.wasm", *remote, "--name", "evil/hello"),
        "not a tag": ("compile", "hello.wasm", *remote, "--name", "acme/hello:a b"),
        "needs a token or a password": ("push", f"{host}/acme/hello:v1", f"{host}/acme/copy:v1"),
    }
    for reason, arguments in refused.items():
        said = aotc(*arguments, status=1)
        assert reason in said, (reason, said)
    assert "token" in aotc("ls", host, token="", status=1)
    assert "token" in aotc("compile", "hello.wasm", *remote, token="wrong", status=1)
    for arguments in (("pull", "acme/hello:"), ("pull", host), ("rm", f"{host}/acme/hello"), ("pull", f"ftp://{host}/a:b"),
                      ("compile", "hello.wasm", "--server", f"http://{host}", "-o", "x"),
                      ("compile", "hello.wasm", "--server", f"http://{host}", "--dir", "/:/:ro"),
                      ("compile", "hello.wasm", "--server", f"http://{host}", "--secret-env", "KEY:40"),
                      ("compile", "hello.wasm", "--server", f"http://{host}", "--freeze-timeout", "1s"),
                      ("compile", "hello.wasm", "--name", "acme/hello")):
        aotc(*arguments, status=2)
    assert not os.path.exists(f"{folder}/never.aotc")

    aotc("rm", f"{host}/acme/hello:v1")
    assert aotc("ls", f"{host}/acme/hello") == f"v2  {index}\n"
    aotc("rm", f"{host}/acme/hello:v2")
    assert aotc("ls", host) == ""
    assert "there is no such image" in aotc("pull", f"{host}/acme/hello@{index}", status=1)
    assert "there is no such image" in aotc("rm", f"{host}/acme/hello:v2", status=1)
