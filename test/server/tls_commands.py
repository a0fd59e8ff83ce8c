# The command line by https: a server whose certificate is for another name, expired or by a stranger is refused before it
# learns the token or a byte of the module; --ca-file names whom to trust.
# RUN: %python %s %t
import os
import subprocess

from harness import AOTC, Authority, Server, fresh_folder, hello_wasm, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
authority, stranger = Authority(folder), Authority(folder, "stranger")
tokens = ["--token-file", write_tokens(folder, {"acme": {"tokens": {"acme": ["pull", "push"]}}})]
environment = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}


def aotc(*arguments, status=0, ca=authority.file, **variables):
    trusted = ["--ca-file", ca] if ca else []
    result = subprocess.run([AOTC, *arguments, *trusted], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**environment, "AOTC_TOKEN": "acme", **variables}, cwd=folder)
    assert result.returncode == status, (arguments, result)
    return result.stdout


def commands(url):
    return (("compile", "hello.wasm", "--server", url, "--tier", "quick", "--target", "host", "--name", "acme/hello"),
            ("ls", url), ("pull", url + "/acme/hello", "-o", "hello.aotc"))


with Server(f"{folder}/good", *tokens, *authority.issue("good")) as server:
    for host in ("127.0.0.1", "localhost"):
        compiled, listed, pulled = (aotc(*command) for command in commands(f"https://{host}:{server.port}"))
        assert listed == "acme/hello\n" and compiled.splitlines()[-1] in pulled, (compiled, listed, pulled)
    url = f"https://127.0.0.1:{server.port}"
    assert aotc("ls", url, ca=None, SSL_CERT_FILE=authority.file) == "acme/hello\n"
    for command in commands(url):
        assert "certificate" in aotc(*command, ca=None, status=1).lower()  # the system does not know the authority
        assert "certificate" in aotc(*command, ca=stranger.file, status=1).lower()
    assert "none.pem" in aotc("ls", url, ca=f"{folder}/none.pem", status=2)
    assert "https://" in aotc("ls", f"http://127.0.0.1:{server.port}", status=1)

for name, options in (("wrong name", authority.issue("wrong", "DNS:elsewhere.example,IP:127.0.0.9")),
                      ("expired", authority.issue("expired", expired=True)),
                      ("by a stranger", stranger.issue("strange"))):
    with Server(f"{folder}/{name}", *tokens, *options) as server:
        for command in commands(f"https://127.0.0.1:{server.port}"):
            assert "certificate" in aotc(*command, status=1).lower(), name
        assert '"request"' not in open(server.log).read(), name

with Server(f"{folder}/plain", *tokens) as server:
    assert f"127.0.0.1:{server.port}" in aotc("ls", f"https://127.0.0.1:{server.port}", status=1)
