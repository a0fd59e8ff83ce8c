"""fleet_server.py FOLDER WASM: aotc-server compiles, freezes and signs for a tenant; a node with the tenant's token pulls;
`aotc push` copies the image to another registry, from which a node pulls too."""
import os
import subprocess
import sys

from harness import AOTC, Server, check, docker_registry, fresh_folder, write_tokens
from node import get, node

folder = fresh_folder()
wasm = sys.argv[2]
trust = ("--trust", f"{folder}/fleet.pub")


def aotc(*words, token="secret"):
    result = subprocess.run([AOTC, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={"HOME": folder, "AOTC_TOKEN": token, "PATH": os.environ["PATH"]})
    check(result.returncode == 0, (words, result.stdout))
    return result.stdout


def snapshot_mapped(n, digest):
    return any(digest[7:] in open(f"/proc/{pid}/maps").read() for pid in n.tenants())


aotc("keygen", f"{folder}/fleet")
tokens = write_tokens(folder, {"acme": {"tokens": {"secret": ["pull", "push"]}}})
with open(f"{folder}/token", "w") as file:
    file.write("secret\n")
with Server(folder, "--token-file", tokens, "--sign-key", f"{folder}/fleet.key") as server:
    host = f"127.0.0.1:{server.port}"
    said = aotc("compile", wasm, "--server", f"http://{host}", "--name", "acme/app:v1", "--tier", "quick", "--target", "host",
                "--snapshot", "required", "--env", "MODE=fleet")
    check("snapshot: " in said, said)
    index = said.split()[-1]
    job = server.as_user("secret").get_json("/v1/modules")["modules"][0]
    options = ("--poll", "50ms", "--cache", f"{folder}/cache", *trust)
    with node([f"site=oci://{host}/acme/app:v1"], "--token-file", f"{folder}/token", *options) as n:
        check(n.wait_log("ready")["index"] == index, "the image of the job")
        check(get(n.port, "/")[1].endswith(b"mode fleet\n"), "what the snapshot was made with")
        check(snapshot_mapped(n, job["snapshot"]["digest"]), "the snapshot is mapped from its own file")
        check(n.metric("aotc_thaw_seconds_count") == 1, "the instance was thawed")
        # Published again by another upload of the same: no new process, but a newer statement.
        server.as_user("secret").upload(open(wasm, "rb").read(), "?tier=quick&target=host&name=acme/app&tag=v1&snapshot=required&env=MODE=fleet")
        n.wait_log("signed anew")
        check(sum(line["message"] == "ready" for line in n.lines) == 1, "it goes on")
        # Polls that find what they may are not denied anything.
        stats = server.as_user("root").stats()
        check(stats["challenged"] >= 2 and stats["denied"] == 0, stats)
    with node([f"site=oci://{host}/acme/app:v1"], "--cache", f"{folder}/other", *trust, up=False) as n:
        n.wait_log("cannot pull")
        check(get(n.port, "/")[0] == 503, "no token, no image")

    # Another registry, without the referrers API: the statement goes under the tag that stands for it.
    with docker_registry(folder) as registry:
        aotc("push", f"{host}/acme/app:v1", f"{registry}/acme/app:v1")
        aotc("push", f"{host}/acme/app:v1", f"{registry}/mirror/of/app:v1")
        server.kill()  # it is not needed for what follows
        for repository, more in (("acme/app", ()), ("mirror/of/app", ("--signed-for", "site=acme/app"))):
            with node([f"site=oci://{registry}/{repository}:v1"], "--cache", f"{folder}/{repository[:4]}", *trust, *more) as n:
                check(n.wait_log("ready")["index"] == index, repository)
                check(get(n.port, "/")[1].endswith(b"mode fleet\n"), repository)
        with node([f"site=oci://{registry}/mirror/of/app:v1"], "--cache", f"{folder}/refused", *trust, up=False) as n:
            n.wait_log("signed for acme/app, not for mirror/of/app")
    server.start()
