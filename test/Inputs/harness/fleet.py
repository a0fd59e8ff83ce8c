"""What the tests of pulling share: keys and statements made by OpenSSL's program, and images in a registry of ours whose
every byte can be chosen."""
import base64
import hashlib
import json
import os
import subprocess
import time

from harness import sha256 as digest

INDEX, MANIFEST = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("index", "manifest"))
ARTIFACT, SNAPSHOT, STATEMENT, REVOCATIONS = (f"application/vnd.aotc.{kind}.v1"
                                              for kind in ("artifact", "snapshot", "statement", "revocations"))
SIMPLE_SIGNING, BUNDLE, IN_TOTO = (f"application/vnd.{kind}+json" for kind in
                                   ("dev.cosign.simplesigning.v1", "dev.sigstore.bundle.v0.3", "in-toto"))
MACHINE = {"os": "linux", "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]}


class Key:
    def __init__(self, folder, name):
        self.secret, self.public = f"{folder}/{name}.key", f"{folder}/{name}.pub"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.secret], check=True)
        subprocess.run(["openssl", "pkey", "-in", self.secret, "-pubout", "-out", self.public], check=True)
        raw = base64.b64decode("".join(open(self.public).read().split("\n")[1:-2]))[-32:]
        self.id = hashlib.sha256(raw).hexdigest()[:16]

    def sign(self, data):
        with open(self.secret + ".data", "wb") as file:
            file.write(data)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.secret, "-in", file.name],
                              check=True, stdout=subprocess.PIPE).stdout.hex()


class EcKey(Key):
    """On P-256, as cosign's keys are."""

    def __init__(self, folder, name):
        self.secret, self.public = f"{folder}/{name}.key", f"{folder}/{name}.pub"
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.secret], check=True)
        subprocess.run(["openssl", "pkey", "-in", self.secret, "-pubout", "-out", self.public], check=True)
        self.id = hashlib.sha256(base64.b64decode("".join(open(self.public).read().split("\n")[1:-2]))).hexdigest()[:16]

    def sign_der(self, data):
        with open(self.secret + ".data", "wb") as file:
            file.write(data)
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.secret, file.name], check=True, stdout=subprocess.PIPE).stdout

    def sign(self, data):
        der, numbers, at = self.sign_der(data), "", 2
        for _ in range(2):
            numbers += f"{int.from_bytes(der[at + 2:at + 2 + der[at + 1]], 'big'):064x}"
            at += 2 + der[at + 1]
        return numbers


def statement(key, repository, index, sequence, issued=None, expires=None):
    issued = int(time.time()) if issued is None else issued
    head = (f"aotc-statement 1\nrepository {repository}\nindex {index}\nsequence {sequence}\nissued {issued}\n"
            f"expires {issued + 86400 if expires is None else expires}\n")
    return f"{head}signature {key.id} {key.sign(head.encode())}\n".encode()


def revocations(key, repository, sequence, *entries):
    """A list; `entries` are lines like "compiler 0.1.0 reason"."""
    head = f"aotc-revocations 1\nrepository {repository}\nsequence {sequence}\nissued {int(time.time())}\n"
    head += "".join(entry + "\n" for entry in entries)
    return f"{head}signature {key.id} {key.sign(head.encode())}\n".encode()


def annotations(repository, sequence, issued=None, expires=None):
    """What cosign is told to sign beside the digest."""
    issued = int(time.time()) if issued is None else issued
    return {"aotc.repository": repository, "aotc.sequence": str(sequence), "aotc.issued": str(issued),
            "aotc.expires": str(issued + 86400 if expires is None else expires)}


def simple_signing(index, optional):
    return json.dumps({"critical": {"identity": {"docker-reference": ""}, "image": {"docker-manifest-digest": index},
                                    "type": "cosign container image signature"}, "optional": optional}).encode()


def in_toto(index, annotated, predicate="https://sigstore.dev/cosign/sign/v1"):
    return json.dumps({"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": {},
                       "subject": [{"digest": {"sha256": index[7:]}, "annotations": annotated}]}).encode()


def envelope(key, payload, kind=IN_TOTO):
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    return {"payloadType": kind, "payload": base64.b64encode(payload).decode(),
            "signatures": [{"sig": base64.b64encode(key.sign_der(signed)).decode()}]}


class Images:
    """What a registry holds: `paths` for Registry, changed while it runs."""

    def __init__(self, repository="acme/app"):
        self.repository, self.paths = repository, {}

    def describe(self, kind, data, where="blobs", **more):
        self.paths[f"/v2/{self.repository}/{where}/{digest(data)}"] = (kind, data)
        return {"mediaType": kind, "digest": digest(data), "size": len(data), **more}

    def document(self, kind, value, **more):
        return self.describe(kind, json.dumps({"schemaVersion": 2, **value}).encode(), "manifests", **more)

    def put(self, *artifacts, tag="v1", note="", snapshot=None, compiler=None):
        """artifacts: bytes, or (platform, bytes). Returns the digest of the index, which the tag then names."""
        config = json.dumps({"aotc": {"compiler": compiler}}).encode()
        manifests = []
        for artifact in artifacts:
            platform, data = artifact if isinstance(artifact, tuple) else (MACHINE, artifact)
            layers = [self.describe(ARTIFACT, data)] + ([self.describe(SNAPSHOT, snapshot)] if snapshot else [])
            more = {"config": self.describe("application/vnd.aotc.config.v1+json", config)} if compiler else {}
            manifests.append(self.document(MANIFEST, {"layers": layers, **more}, platform=platform))
        index = self.document(INDEX, {"manifests": manifests, "annotations": {"note": note}})["digest"]
        self.paths[f"/v2/{self.repository}/manifests/{tag}"] = self.paths[f"/v2/{self.repository}/manifests/{index}"]
        return index

    def sign(self, index, text):
        """Makes `text` the only statement for the index."""
        entry = self.document(MANIFEST, {"artifactType": STATEMENT, "layers": [self.describe(STATEMENT, text)]},
                              artifactType=STATEMENT)
        referrers = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        self.paths[f"/v2/{self.repository}/referrers/{index}"] = (INDEX, referrers)

    def sign_as_cosign(self, index, key, payload):
        """Simple signing, by tag."""
        signature = {"dev.cosignproject.cosign/signature": base64.b64encode(key.sign_der(payload)).decode()}
        entry = self.document(MANIFEST, {"layers": [self.describe(SIMPLE_SIGNING, payload, annotations=signature)]})
        self.paths[f"/v2/{self.repository}/manifests/{index.replace(':', '-')}.sig"] = \
            self.paths[f"/v2/{self.repository}/manifests/{entry['digest']}"]

    def attach(self, index, *enveloped):
        """Makes bundles with these envelopes the referrers of the index."""
        entries = []
        for one in enveloped:
            bundle = json.dumps({"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": ""}}, "dsseEnvelope": one}).encode()
            entries.append(self.document(MANIFEST, {"artifactType": BUNDLE, "layers": [self.describe(BUNDLE, bundle)]}, artifactType=BUNDLE))
        referrers = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        self.paths[f"/v2/{self.repository}/referrers/{index}"] = (INDEX, referrers)

    def revoke(self, *texts):
        """Makes `texts` the lists of the repository."""
        layers = [self.describe(REVOCATIONS, text) for text in texts]
        entry = self.document(MANIFEST, {"artifactType": REVOCATIONS, "layers": layers})
        self.paths[f"/v2/{self.repository}/manifests/aotc-revocations"] = \
            self.paths[f"/v2/{self.repository}/manifests/{entry['digest']}"]

    def publish(self, key, sequence, *artifacts, **options):
        # Statements first: the tag is what a node looks at.
        tag, self_tag = options.pop("tag", "v1"), "being-made"
        index = self.put(*artifacts, tag=self_tag, **options)
        self.sign(index, statement(key, self.repository, index, sequence))
        self.paths[f"/v2/{self.repository}/manifests/{tag}"] = self.paths.pop(f"/v2/{self.repository}/manifests/{self_tag}")
        return index
