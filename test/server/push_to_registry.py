# A fleet that outgrows one machine: `aotc push` copies an image with its signature to a real registry, where `aotc pull`
# verifies it, as do other clients. Crane copies from the server just so.
# REQUIRES: crane, oras, docker-registry
# RUN: env CRANE=%crane ORAS=%oras %python %s %t
import json
import os
import subprocess

from harness import AOTC, Server, docker_registry, fresh_folder, hello_wasm, sha256

folder = fresh_folder()


def run(*command, status=0):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
                            env={"HOME": folder, "PATH": os.environ["PATH"]})
    assert result.returncode == status, (command, result)
    return result.stdout


with docker_registry(folder) as registry:
    run(AOTC, "keygen", "fleet")
    with Server(folder, "--sign-key", f"{folder}/fleet.key") as server:
        host = f"127.0.0.1:{server.port}"
        job = server.wait(server.upload(hello_wasm(folder), "?tier=quick&name=acme/hello&tag=v1")[1]["id"])
        index = job["index"]
        assert run(AOTC, "push", f"{host}/acme/hello:v1", f"{registry}/acme/hello:v1") == f"{registry}/acme/hello:v1: {index}\n"
        run(AOTC, "push", f"{host}/acme/hello:v1", f"{registry}/acme/hello:v1")  # again
        # A newer signature takes the place of the old one there too.
        server.upload(open(f"{folder}/hello.wasm", "rb").read(), "?tier=quick&name=acme/hello&tag=v2")
        run(AOTC, "push", f"{host}/acme/hello:v2", f"{registry}/acme/hello:v2")
        # Another client's copy lacks nothing but the signature.
        run(os.environ["CRANE"], "copy", f"{host}/acme/hello:v1", f"{registry}/acme/copy:v1")
        assert index in run(os.environ["ORAS"], "discover", "--plain-http", "--format", "json", f"{host}/acme/hello:v1")
        assert "vnd.aotc.statement" in run(os.environ["ORAS"], "discover", "--plain-http", f"{host}/acme/hello:v1")
        run(os.environ["ORAS"], "pull", "--plain-http", "--platform", "linux/arm64", "-o", f"{folder}/pulled",
            f"{host}/acme/hello:v1")
        assert sha256(open(f"{folder}/pulled/module.aarch64.aotc", "rb").read()) == [
            a["digest"] for a in job["artifacts"] if a["target"] == "aarch64"][0]
        run(os.environ["ORAS"], "copy", "--recursive", "--from-plain-http", "--to-plain-http", f"{host}/acme/hello:v1",
            f"{registry}/acme/oras:v1")

    # The server is gone; the registry serves.
    for tag in ("v1", "v2"):
        assert index in run(AOTC, "pull", f"{registry}/acme/hello:{tag}", "--trust", "fleet.pub")
        assert subprocess.check_output([AOTC, "run", f"{folder}/hello.aotc"]) == b"hello\n"
    referrers = json.loads(run(os.environ["CRANE"], "manifest", f"{registry}/acme/hello:sha256-{index[7:]}"))
    assert len(referrers["manifests"]) == 1, referrers
    assert "not signed" in run(AOTC, "pull", f"{registry}/acme/copy:v1", "--trust", "fleet.pub", status=1)
    assert "not for acme/oras" in run(AOTC, "pull", f"{registry}/acme/oras:v1", "--trust", "fleet.pub", status=1)
    run(AOTC, "pull", f"{registry}/acme/oras:v1", "--trust", "fleet.pub", "--signed-for", "acme/hello")
    assert run(AOTC, "ls", registry).split() == ["acme/copy", "acme/hello", "acme/oras"]
