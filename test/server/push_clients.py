# Clients of registries push to the server: `oras push` of a module is a deployment, what others attach stays with it, and images that
# have nothing to do with modules are kept like anywhere. A login is no attack.
# REQUIRES: crane, oras, skopeo
# RUN: env CRANE=%crane ORAS=%oras %python %s %t
import base64
import json
import os
import subprocess
import tarfile

from harness import AOTC, Server, different, fresh_folder, hello_wasm, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
tokens = write_tokens(folder, {"acme": {"tokens": {"acme": ["pull", "push"]}}})
for name, data in (("app.wasm", wasm), ("next.wasm", different(wasm, "next")), ("sbom.json", b"{}"), ("page.html", b"<p>hello</p>")):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(data)
with tarfile.open(f"{folder}/layer.tar", "w") as tar:
    tar.add(f"{folder}/page.html", "page.html")

with Server(folder, "--token-file", tokens, "--threads", "1") as server:
    acme, root = server.as_user("acme"), server.as_user("root")
    registry = f"127.0.0.1:{server.port}"
    app, copy, plain = (f"{registry}/acme/{name}" for name in ("app", "copy", "plain"))
    home = f"{folder}/home"
    os.makedirs(home)
    with open(f"{home}/config.json", "w") as file:
        json.dump({"auths": {registry: {"auth": base64.b64encode(b"token:acme").decode()}}}, file)

    def run(*command, home=home, input=None):
        environment = {"DOCKER_CONFIG": home, "REGISTRY_AUTH_FILE": f"{home}/config.json", "HOME": home, "PATH": os.environ["PATH"]}
        result = subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, input=input)
        assert result.returncode == 0, (command, result)
        return result.stdout.decode().strip()

    crane = lambda *arguments: run(os.environ["CRANE"], *arguments)
    oras = lambda verb, *arguments: run(os.environ["ORAS"], *verb.split(), "--plain-http", *arguments)
    skopeo = lambda verb, *arguments: run("skopeo", verb, *arguments)

    def push(file, tag, *more):
        pushed = json.loads(oras("push", f"{app}:{tag}", f"{file}:application/wasm", "--format", "json", *more))["digest"]
        index = pushed
        while index == pushed or index in known:
            index = crane("digest", f"{app}:{tag}")
        known.add(index)
        return pushed, index

    # A module: the tag names what was compiled, its source and what is attached are among the referrers, and it can be tagged and copied.
    known = set()
    options = ("--annotation", "aotc.tier=quick", "--annotation", "aotc.target=x86_64")
    pushed, index = push("app.wasm", "v1", *options)
    assert json.loads(crane("manifest", f"{app}:v1"))["artifactType"] == "application/vnd.aotc.module.v1"
    oras("attach", "--artifact-type", "text/sbom", f"{app}:v1", "sbom.json:application/json")
    found = json.loads(oras("discover", "--format", "json", f"{app}:v1"))
    types = {entry["artifactType"]: entry["digest"] for entry in found.get("referrers", found.get("manifests"))}
    assert set(types) == {"text/sbom", "application/vnd.unknown.artifact.v1"} and pushed in types["application/vnd.unknown.artifact.v1"], found
    oras("pull", f"{app}@{pushed}", "--output", f"{folder}/pulled")
    assert open(f"{folder}/pulled/app.wasm", "rb").read() == wasm
    crane("validate", "--remote", f"{app}:v1", "--fast")
    crane("tag", f"{app}:v1", "stable")
    _, after = push("next.wasm", "v1", *options)
    assert after != index and crane("digest", f"{app}:stable") == index
    crane("copy", f"{app}:stable", f"{copy}:v1")
    run(os.environ["ORAS"], "copy", "--from-plain-http", "--to-plain-http", "--recursive", f"{app}:stable", f"{copy}:all")
    assert crane("digest", f"{copy}:v1") == crane("digest", f"{copy}:all") == index
    assert types["text/sbom"].rsplit("@", 1)[-1] in {entry["digest"] for entry in acme.get_json(f"/v2/acme/copy/referrers/{index}")["manifests"]}
    mirror = f"{registry}/acme/mirror"
    subprocess.run([AOTC, "push", f"{app}:stable", f"{mirror}:v1"], env={**os.environ, "AOTC_TOKEN": "acme", "DOCKER_CONFIG": home}, check=True, stdout=subprocess.DEVNULL)
    assert crane("digest", f"{mirror}:v1") == index and crane("digest", f"{mirror}@{pushed}") == pushed
    assert json.loads(skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{app}:stable"))["manifests"][0]["platform"]["os"] == "linux"

    # Any other image: pushed, mounted, inspected, validated, copied and deleted.
    crane("append", "--new_layer", "layer.tar", "--new_tag", f"{plain}:v1")
    crane("validate", "--remote", f"{plain}:v1")
    crane("copy", f"{plain}:v1", f"{registry}/acme/plain2:v1")
    described = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{plain}:v1"))
    assert described["Digest"] == crane("digest", f"{plain}:v1") and described["RepoTags"] == ["v1"], described
    skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{plain}:v1", f"docker://{plain}:v2")
    skopeo("copy", "--src-tls-verify=false", f"docker://{plain}:v2", f"oci:{folder}/layout:v2")
    skopeo("copy", "--dest-tls-verify=false", f"oci:{folder}/layout:v2", f"docker://{registry}/acme/oci:v2")
    assert crane("ls", plain).split() == ["v1", "v2"] and "acme/oci" in crane("catalog", registry).split()
    skopeo("delete", "--tls-verify=false", f"docker://{registry}/acme/oci:v2")
    oras("manifest delete", "--force", f"{plain}:v1")
    assert "acme/oci" not in crane("catalog", registry).split()

    # The first request of a login has no token yet; a wrong one is counted.
    before = root.stats()
    os.makedirs(f"{home}/new")
    run(os.environ["ORAS"], "login", "--plain-http", "--username", "token", "--password-stdin", registry, home=f"{home}/new", input=b"acme")
    after = root.stats()
    assert after["denied"] == before["denied"] == 0 and after["challenged"] > before["challenged"], (before, after)
    assert after["server_errors"] == 0 and after["mounted_blobs"] >= 1 and after["arrived_modules"] == 2, after
