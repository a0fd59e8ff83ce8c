# With --cosign-key images are signed as cosign does it, and say where they come from as in-toto and DSSE do it: OpenSSL checks both, as
# cosign itself does in cosign_client.py. A client that trusts the key takes an image that was copied elsewhere with one of them, and
# obeys revocations and follows releases that the key signs.
# REQUIRES: crane, docker-registry
# RUN: env CRANE=%crane %python %s %t
import base64
import json
import os
import subprocess

from harness import AOTC, BIN, Server, docker_registry, fresh_folder, hello_wasm, sha256
from push import push_blob, push_manifest

folder = fresh_folder()
for name in ("cosign", "other"):
    subprocess.run([AOTC, "keygen", "--cosign", f"{folder}/{name}"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([AOTC, "keygen", f"{folder}/fleet"], check=True, stdout=subprocess.DEVNULL)
with open(f"{folder}/both.pub", "w") as both:
    both.write(open(f"{folder}/fleet.pub").read() + open(f"{folder}/cosign.pub").read())


def is_signed(data, signature, key="cosign"):
    for name, content in (("signed", data), ("signature", signature)):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(content)
    command = ["openssl", "dgst", "-sha256", "-verify", f"{folder}/{key}.pub", "-signature", f"{folder}/signature", f"{folder}/signed"]
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


def pull(image, key, *more):
    command = [AOTC, "pull", image, "-o", f"{folder}/out.aotc", "--trust", f"{folder}/{key}.pub", *more]
    return subprocess.run(command, capture_output=True, text=True)


def layer_under(server, tag):
    layer = server.get_json(f"/v2/acme/app/manifests/{tag}")["layers"][0]
    return layer, server.get(f"/v2/acme/app/blobs/{layer['digest']}")


crane = lambda *arguments: subprocess.run([os.environ["CRANE"], *arguments], check=True, capture_output=True)
server = Server(folder, "--cosign-key", f"{folder}/cosign.key", "--threads", "1")
with server, docker_registry(folder) as elsewhere:
    here = f"127.0.0.1:{server.port}"
    job = server.wait(server.upload(hello_wasm(folder), "?tier=quick&name=acme/app&tag=v1")[1]["id"])
    index = job["index"]
    tag = index.replace(":", "-")
    assert server.get_json("/v2/acme/app/tags/list")["tags"] == [tag + ".att", tag + ".sig", "v1"]
    referrers = {entry["artifactType"] for entry in server.get_json(f"/v2/acme/app/referrers/{index}")["manifests"]}
    BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert referrers == {"application/vnd.dev.cosign.artifact.sig.v1+json", "application/vnd.in-toto+json", BUNDLE}, referrers

    # The signature, and the statement in it.
    layer, payload = layer_under(server, tag + ".sig")
    assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
    signature = base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"])
    assert is_signed(payload, signature) and not is_signed(payload, signature, "other") and not is_signed(payload + b" ", signature)
    claim = json.loads(payload)
    assert claim["critical"] == {"identity": {"docker-reference": "acme/app"}, "image": {"docker-manifest-digest": index},
                                 "type": "cosign container image signature"}, claim
    assert claim["optional"]["aotc.sequence"] == "1"

    # Where it comes from.
    layer, envelope = layer_under(server, tag + ".att")
    assert layer["mediaType"] == "application/vnd.dsse.envelope.v1+json" and layer["annotations"]["predicateType"] == "https://slsa.dev/provenance/v1"
    envelope = json.loads(envelope)
    kind, body = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
    assert kind == b"application/vnd.in-toto+json" and is_signed(signed, base64.b64decode(envelope["signatures"][0]["sig"]))
    bundle = next(entry["digest"] for entry in server.get_json(f"/v2/acme/app/referrers/{index}")["manifests"] if entry["artifactType"] == BUNDLE)
    bundle = server.get_json(f"/v2/acme/app/blobs/{server.get_json(f'/v2/acme/app/manifests/{bundle}')['layers'][0]['digest']}")
    assert bundle["mediaType"] == BUNDLE and bundle["dsseEnvelope"] == envelope, bundle
    origin = json.loads(body)
    build = origin["predicate"]["buildDefinition"]
    assert build["resolvedDependencies"][0]["digest"] == {"sha256": job["module"][7:]} and build["internalParameters"]["compiler"] == job["compiler"]
    assert [target["target"] for target in build["externalParameters"]["targets"]] == ["x86_64", "aarch64"] and build["externalParameters"]["targets"][0]["tier"] == "quick"
    assert origin["subject"][0].pop("annotations") == claim["optional"], origin
    assert origin["subject"] == [{"name": "acme/app", "digest": {"sha256": index[7:]}}] and origin["predicateType"] == layer["annotations"]["predicateType"]

    # Who trusts the key takes the image, here and where a client copied it that knows tags only. Nobody else's key does, nor another name.
    assert pull(f"{here}/acme/app:v1", "cosign").returncode == pull(f"{here}/acme/app:v1", "both").returncode == 0
    for key in ("other", "fleet"):
        refused = pull(f"{here}/acme/app:v1", key)
        assert refused.returncode != 0 and ("not signed" in refused.stderr), (key, refused)
    for name in ("v1", tag + ".sig"):
        crane("copy", f"{here}/acme/app:{name}", f"{elsewhere}/acme/app:{name}")
        crane("copy", f"{here}/acme/app:{name}", f"{elsewhere}/evil/app:{name}")
    assert pull(f"{elsewhere}/acme/app:v1", "cosign").returncode == 0
    refused = pull(f"{elsewhere}/evil/app:v1", "cosign")
    assert refused.returncode != 0 and "signed for acme/app, not for evil/app" in refused.stderr, refused
    # Either is enough; an image without both is not.
    crane("copy", f"{here}/acme/app:v1", f"{elsewhere}/attested/app:v1")
    assert pull(f"{elsewhere}/attested/app:v1", "cosign", "--signed-for", "acme/app").returncode != 0
    crane("copy", f"{here}/acme/app:{tag}.att", f"{elsewhere}/attested/app:{tag}.att")
    assert pull(f"{elsewhere}/attested/app:v1", "cosign", "--signed-for", "acme/app").returncode == 0
    # Our own client knows what goes with an image.
    subprocess.run([AOTC, "push", f"{here}/acme/app:v1", f"{elsewhere}/pushed/app:v1"], check=True, stdout=subprocess.DEVNULL)
    tags = subprocess.run([AOTC, "ls", f"{elsewhere}/pushed/app"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert f"{tag}.sig" in tags and f"{tag}.att" in tags, tags

    # A claim that is altered, one that cosign would take but says less than a statement does, and no JSON.
    mirror = Server(f"{folder}/mirror")
    with mirror:
        crane("copy", f"{here}/acme/app:v1", f"127.0.0.1:{mirror.port}/acme/app:v1")
        config = b'{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'
        push_blob(mirror, "acme/app", config)

        def attach(payload, signature):
            push_blob(mirror, "acme/app", payload)
            layer = {"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": sha256(payload), "size": len(payload),
                     "annotations": {"dev.cosignproject.cosign/signature": base64.b64encode(signature).decode()}}
            image = {"schemaVersion": 2, "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config), "size": len(config)},
                     "layers": [layer]}
            push_manifest(mirror, "acme/app", json.dumps(image).encode(), tag + ".sig")
            return pull(f"127.0.0.1:{mirror.port}/acme/app:v1", "cosign")

        def signed_by_key(payload):
            with open(f"{folder}/payload", "wb") as file:
                file.write(payload)
            return subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{folder}/cosign.key", file.name], check=True, stdout=subprocess.PIPE).stdout

        less = json.dumps({**claim, "optional": None}).encode()
        late = json.dumps({**claim, "optional": {**claim["optional"], "aotc.expires": "1"}}).encode()
        for wrong, by, reason in ((payload.replace(b'"1"', b'"2"'), signature, "not signed by a trusted key"), (payload, signature[:-1], "not signed by a trusted key"),
                                  (less, None, "not a well-formed statement"), (late, None, "expired"), (b"[" * 3000, None, "not a well-formed statement"),
                                  (payload[:-1] + b"," + payload[1:], None, "not a well-formed statement"),
                                  (payload + b" " * 20000, None, "larger than any statement")):
            refused = attach(wrong, by or signed_by_key(wrong))
            assert refused.returncode != 0 and reason in refused.stderr, (wrong[:100], refused)
        assert attach(payload, signature).returncode == 0

    # What has one form only is signed by this key, too.
    aotc = lambda *words: subprocess.run([AOTC, *words], capture_output=True, text=True)
    assert aotc("release", f"{here}/acme/app", "--stable", "v1", "--sign-key", f"{folder}/cosign.key").returncode == 0
    assert index in aotc("release", f"{here}/acme/app", "--trust", f"{folder}/cosign.pub", "--json").stdout
    assert "not signed by a trusted key" in aotc("release", f"{here}/acme/app", "--trust", f"{folder}/other.pub").stderr
    # With an image go its signature and what says where it comes from; where it was copied to, it is refused by the list that went along.
    subprocess.run([f"{BIN}/aotc-server", "revoke", "--data", server.data, "--reason", "leaks", "--index", index], check=True, stdout=subprocess.DEVNULL)
    assert not any(name.startswith("sha256-") for name in server.get_json("/v2/acme/app/tags/list")["tags"])
    assert pull(f"{elsewhere}/acme/app:v1", "cosign").returncode == 0
    crane("copy", f"{here}/acme/app:aotc-revocations", f"{elsewhere}/acme/app:aotc-revocations")
    refused = pull(f"{elsewhere}/acme/app:v1", "cosign")
    assert refused.returncode != 0 and "revoked: leaks" in refused.stderr, refused
    assert server.stats()["server_errors"] == 0
