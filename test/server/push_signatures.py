# Where an image is pushed to a registry that knows no referrers, what others signed stays and what goes along comes to it: bundles
# of several keys, and signatures under cosign's tag, there or here first. Of our own statements only the last one counts.
# REQUIRES: crane, docker-registry
# RUN: env CRANE=%crane %python %s %t
import base64
import json
import os
import subprocess

from fleet import BUNDLE, EcKey, SIMPLE_SIGNING, STATEMENT, annotations, envelope, in_toto, simple_signing
from harness import AOTC, Server, docker_registry, fresh_folder, hello_wasm
from push import EMPTY, descriptor, push_blob, push_image, push_manifest

folder = fresh_folder()
ci, team = EcKey(folder, "ci"), EcKey(folder, "team")
for more, name in (((), "fleet"), (("--cosign",), "cosign")):
    subprocess.run([AOTC, "keygen", *more, f"{folder}/{name}"], check=True, stdout=subprocess.DEVNULL)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder).stdout


def attach(key, sequence):
    """The digest of a referrer of the server's image that holds a bundle signed by the key."""
    document = {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": ""}},
                "dsseEnvelope": envelope(key, in_toto(index, annotations("acme/app", sequence)))}
    subject = descriptor(server.get(f"/v2/acme/app/manifests/{index}"), "application/vnd.oci.image.index.v1+json")
    return push_image(server, "acme/app", [(BUNDLE, json.dumps(document).encode())], artifactType=BUNDLE, subject=subject)[0]


def push_signed(tag, payload, *signatures):
    """An image of signatures over the payload."""
    push_blob(server, "ci/app", b"{}")
    push_blob(server, "ci/app", payload)
    layers = [descriptor(payload, SIMPLE_SIGNING, annotations={"dev.cosignproject.cosign/signature": text}) for text in signatures]
    push_manifest(server, "ci/app", json.dumps({"schemaVersion": 2, "config": descriptor(b"{}", EMPTY), "layers": layers}).encode(), tag)


def push(name):
    run(AOTC, "push", f"{here}/acme/app:v1", f"{elsewhere}/{name}/app:v1")
    found = json.loads(run(os.environ["CRANE"], "manifest", f"{elsewhere}/{name}/app:{index.replace(':', '-')}"))["manifests"]
    assert [entry["artifactType"] for entry in found].count(STATEMENT) == 1, found
    return [entry["digest"] for entry in found if entry["artifactType"] == BUNDLE]


def trusts(name, key):
    words = (f"{elsewhere}/{name}/app:v1", "-o", "out.aotc", "--signed-for", "acme/app", "--trust", f"{key}.pub")
    return subprocess.run([AOTC, "pull", *words], capture_output=True, cwd=folder).returncode == 0


server = Server(folder, "--cosign-key", f"{folder}/cosign.key", "--sign-key", f"{folder}/fleet.key", "--threads", "1")
with server, docker_registry(folder) as elsewhere:
    here = f"127.0.0.1:{server.port}"
    index = server.wait(server.upload(hello_wasm(folder), "?tier=quick&target=host&name=acme/app&tag=v1")[1]["id"])["index"]
    own = [entry["digest"] for entry in server.get_json(f"/v2/acme/app/referrers/{index}")["manifests"] if entry["artifactType"] == BUNDLE]
    assert push("late") == own and len(own) == 1
    bundles = {*own, attach(ci, 7), attach(team, 8)}
    for name in ("early", "late", "late"):
        found = push(name)
        assert set(found) == bundles and len(found) == 3, found
    # Here they go; there they stay.
    for digest in bundles - {*own}:
        assert server.request("DELETE", f"/v2/acme/app/manifests/{digest}")[0] == 202
    assert set(push("late")) == bundles
    for key in ("ci", "team", "cosign", "fleet"):
        assert trusts("early", key) and trusts("late", key), key

    # The tag that is for signatures in the older format keeps theirs, too, in whichever order they come; but not without an end.
    tag, older, payload = index.replace(":", "-") + ".sig", f"{elsewhere}/older/app", simple_signing(index, annotations("acme/app", 7))
    push_signed(tag, payload, *(base64.b64encode(ci.sign_der(payload)).decode() for _ in range(3)))
    run(os.environ["CRANE"], "copy", f"{here}/ci/app:{tag}", f"{older}:{tag}")
    for _ in range(2):
        push("older")
        layers = json.loads(run(os.environ["CRANE"], "manifest", f"{older}:{tag}"))["layers"]
        assert len(layers) == 4 and len({json.dumps(layer) for layer in layers}) == 4, layers
        assert trusts("older", "ci") and trusts("older", "cosign")
    push_signed(tag, payload, *(f"{number:04}" for number in range(256)))
    run(os.environ["CRANE"], "copy", f"{here}/ci/app:{tag}", f"{older}:{tag}")
    refused = subprocess.run([AOTC, "push", f"{here}/acme/app:v1", f"{older}:v1"], capture_output=True, text=True)
    assert refused.returncode == 1 and "more than 256 signatures" in refused.stderr, refused
    assert server.stats()["server_errors"] == 0
