# cosign checks what the server signs and attests, there and in copies of it; and a client of ours takes what cosign signs, in either of its
# formats, when that says all that a statement does.
# REQUIRES: cosign, crane, docker-registry
# RUN: env COSIGN=%cosign CRANE=%crane %python %s %t
import os
import subprocess
import time

from harness import AOTC, Server, docker_registry, fresh_folder, hello_wasm

folder = fresh_folder()
environment = {**os.environ, "COSIGN_PASSWORD": "", "HOME": folder}
for name in ("fleet", "ci", "other"):
    subprocess.run([AOTC, "keygen", "--cosign", f"{folder}/{name}"], check=True, stdout=subprocess.DEVNULL)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)


def cosign(*words):
    return run(os.environ["COSIGN"], *words)


def crane(*words):
    done = run(os.environ["CRANE"], *words)
    assert done.returncode == 0, done


def good(image, key="fleet", *more):
    """What cosign says of the signature, and of the attestation."""
    options = ("--key", f"{folder}/{key}.pub", "--insecure-ignore-tlog", "--allow-http-registry", *more, image)
    return [cosign("verify", *options).returncode == 0, cosign("verify-attestation", "--type", "slsaprovenance1", *options).returncode == 0]


def sign(image, *words):
    done = cosign("sign", "--key", "import-cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry", "--yes", *words, image)
    assert done.returncode == 0, done


def pull(image, key):
    done = run(AOTC, "pull", image, "-o", "out.aotc", "--trust", f"{key}.pub", "--signed-for", "acme/app")
    return "" if done.returncode == 0 else done.stderr


done = cosign("import-key-pair", "--key", "ci.key")
assert done.returncode == 0, done
server = Server(folder, "--cosign-key", f"{folder}/fleet.key", "--threads", "1")
with server, docker_registry(folder) as elsewhere:
    here = f"127.0.0.1:{server.port}"
    index = server.wait(server.upload(hello_wasm(folder), "?tier=quick&name=acme/app&tag=v1")[1]["id"])["index"]
    tag = index.replace(":", "-")
    for name in ("v1", f"{tag}.sig", f"{tag}.att"):
        crane("copy", f"{here}/acme/app:{name}", f"{elsewhere}/copied/app:{name}")
    assert run(AOTC, "push", f"{here}/acme/app:v1", f"{elsewhere}/pushed/app:v1").returncode == 0
    for image in (f"{here}/acme/app:v1", f"{elsewhere}/copied/app:v1", f"{elsewhere}/pushed/app:v1"):
        assert good(image) == [True, True], (image, cosign("verify", "--key", "fleet.pub", "--insecure-ignore-tlog", "--allow-http-registry", image))
        assert good(image, "other") == [False, False], image
    signed = lambda sequence: cosign("verify", "--key", "fleet.pub", "--insecure-ignore-tlog", "--allow-http-registry",
                                     "-a", f"aotc.sequence={sequence}", f"{here}/acme/app:v1").returncode
    assert signed(1) == 0 and signed(2) != 0

    # What cosign signs by itself is no statement; what it is told to add makes it one.
    now = int(time.time())
    words = [word for key, value in {"repository": "acme/app", "sequence": 9, "issued": now, "expires": now + 3600}.items() for word in ("-a", f"aotc.{key}={value}")]
    for form in ("--new-bundle-format=true", "--new-bundle-format=false"):
        for repository in (f"{elsewhere}/signed{form[-4:-1]}/app", f"{here}/signed{form[-4:-1]}/app"):
            crane("copy", f"{here}/acme/app:v1", f"{repository}:v1")
            assert "not signed" in pull(f"{repository}:v1", "ci")
            sign(f"{repository}@{index}", form)
            assert "not a well-formed statement" in pull(f"{repository}:v1", "ci"), (repository, pull(f"{repository}:v1", "ci"))
            sign(f"{repository}@{index}", form, *words)
            assert pull(f"{repository}:v1", "ci") == "", (repository, pull(f"{repository}:v1", "ci"))
            assert "not signed by a trusted key" in pull(f"{repository}:v1", "other")
            assert good(f"{repository}:v1", "ci")[0], repository
    # Where there are bundles, cosign looks for no tags unless it is told to. Those of others change nothing.
    assert good(f"{here}/acme/app:v1", "fleet", "--new-bundle-format=false") == [True, True]
    sign(f"{here}/acme/app@{index}", "--new-bundle-format=true")
    for form in ("true", "false"):
        assert good(f"{here}/acme/app:v1", "fleet", f"--new-bundle-format={form}") == [True, True], form
    assert good(f"{here}/acme/app:v1", "ci")[0] and pull(f"{here}/acme/app:v1", "fleet") == ""
    assert server.stats()["server_errors"] == 0
