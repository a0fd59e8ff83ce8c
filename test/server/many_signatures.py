# A registry that has any number of signatures for an image: of each kind no more are looked at than there is reason to, a good one among
# some hundred of others' is found, and the reason told is what is wrong with one by a trusted key, whatever comes after it.
# RUN: %python %s %t
import json
import subprocess

from fleet import BUNDLE, EcKey, Images, MANIFEST, STATEMENT, annotations, envelope, in_toto, statement
from harness import AOTC, fresh_folder
from registry_of_lies import Registry

folder = fresh_folder()
key, stranger = EcKey(folder, "key"), EcKey(folder, "stranger")
images = Images("acme/app")
index = images.put(b"native code")
good, late = (envelope(key, in_toto(index, annotations("acme/app", 1, **times))) for times in ({}, {"issued": 1, "expires": 2}))
strange = envelope(stranger, in_toto(index, annotations("acme/app", 1)))


def pull():
    registry.asked.clear()
    done = subprocess.run([AOTC, "pull", f"{registry.host}/acme/app:v1", "--trust", key.public, "-o", f"{folder}/out.aotc"], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr


def refer(kind, *layers):
    """Makes these the referrers of the index, each an image of its layers."""
    entries = [images.document(MANIFEST, {"artifactType": kind, "layers": [images.describe(kind, data) for data in image]}, artifactType=kind)
               for image in layers]
    images.paths[f"/v2/acme/app/referrers/{index}"] = (MANIFEST, json.dumps({"schemaVersion": 2, "manifests": entries}).encode())


with Registry(images.paths) as registry:
    images.attach(index, *[strange] * 200, good)
    assert pull() == "", "there is a good one"
    images.attach(index, *[strange] * 256, good)
    assert "more signatures than are looked at" in pull() and len(registry.asked) < 2 * 256 + 10, len(registry.asked)
    # In one image, and in one envelope of each of many.
    bundle = json.dumps(strange).encode()
    refer(BUNDLE, [bundle] * 5000, [json.dumps(good).encode()])
    assert pull() == "" and len(registry.asked) < 50, len(registry.asked)
    images.attach(index, *[strange | {"signatures": strange["signatures"] * 16}] * 100)
    assert "more signatures than are looked at" in pull()
    # Of our own form.
    text = statement(stranger, "acme/app", index, 1)
    refer(STATEMENT, *[[text]] * 5000)
    assert "more signatures than are looked at" in pull() and len(registry.asked) < 50, len(registry.asked)
    refer(STATEMENT, *[[text]] * 15, [statement(key, "acme/app", index, 1)])
    assert pull() == ""

    for wrong, reason in ((late, "expired"), (envelope(key, in_toto(index, annotations("acme/other", 1))), "signed for acme/other, not for acme/app")):
        for others in ([strange], [envelope(key, b"{}")], [strange] * 300):
            images.attach(index, wrong, *others)
            assert reason in pull(), (reason, pull())
