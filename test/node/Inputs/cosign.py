"""cosign.py FOLDER ONE.aotc TWO.aotc: a node that trusts a key on P-256 only, and a registry of ours. The node polls when it is
told to (SIGHUP)."""
import os
import shutil
import signal
import sys

from fleet import EcKey, Images, Key, annotations, envelope, in_toto, revocations, simple_signing
from harness import check, until
from node import get, node
from registry_of_lies import Registry

folder, one, two = sys.argv[1], open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
key, stranger, other_kind = EcKey(folder, "key"), EcKey(folder, "stranger"), Key(folder, "ed25519")
ONE, TWO = (200, b"version one\n"), (200, b"version two\n")
REPOSITORY, NOTHING = "acme/app", "127.0.0.1:1"
images = Images(REPOSITORY)


def fleet_node(host, cache="cache", trust=key):
    options = ("--poll", "1h", "--cache", f"{folder}/{cache}", "--trust", trust.public)
    return node([f"site=oci://{host}/{REPOSITORY}:v1"], *options, up=False)


def ready(n, index, answer):
    def seen():
        lines = [line for line in n.lines if line["message"] == "ready"]
        return bool(lines) and lines[-1]["index"] == index
    n.wait_for(seen, f"{index} ready")
    until(lambda: get(n.port, "/") == answer, answer)


def poll(n, message):
    """Has the node ask, until it says `message` once more."""
    before = sum(message in line["message"] for line in n.lines)
    n.process.send_signal(signal.SIGHUP)
    return n.wait_log(message, before)


def refuses(n, index, reason, by=None, simple=None, enveloped=()):
    """With nothing but these signatures."""
    tag = f"/v2/{REPOSITORY}/manifests/{index.replace(':', '-')}.sig"
    images.paths.pop(tag, None)
    images.attach(index, *enveloped)
    if simple:
        images.sign_as_cosign(index, by, simple)
    poll(n, reason)


def annotated(sequence, **changed):
    return annotations(REPOSITORY, sequence) | changed


first = images.put(one)
images.sign_as_cosign(first, key, simple_signing(first, annotated(1)))
with Registry(images.paths) as registry:
    with fleet_node(registry.host) as n:
        ready(n, first, ONE)
        second = images.put(two)
        images.attach(second, envelope(stranger, in_toto(second, annotated(9))), envelope(key, in_toto(second, annotated(2))))
        poll(n, "pulled")
        ready(n, second, TWO)
        check(n.metric("aotc_release_sequence.*" + second) == 2, "a stranger's sequence does not count")

        # Something is wrong with what is signed, or with who has signed it.
        third = images.put(one, note="third")
        for reason, by, signed in (
                ("not signed by a trusted key", stranger, annotated(3)),
                ("not a well-formed statement", key, None),
                ("not a well-formed statement", key, {"aotc.sequence": "3"}),
                ("not a well-formed statement", key, annotated(3, **{"AOTC.Sequence": "4"})),
                ("signed for acme/other, not for acme/app", key, annotations("acme/other", 3)),
                ("expired", key, annotations(REPOSITORY, 3, issued=1, expires=2)),
                ("its sequence is 1, but 2 was seen before", key, annotated(1)),
                ("sequence 2 was seen with another image", key, annotated(2))):
            refuses(n, third, reason, by, simple_signing(third, signed))
            refuses(n, third, reason, enveloped=[envelope(by, in_toto(third, signed))])
        # Another image's; of another type, and a signature for that under this one; one form in the other's place; too large.
        good = in_toto(third, annotated(3))
        refuses(n, third, f"signed for {second}, not for {third}", key, simple_signing(second, annotated(3)))
        refuses(n, third, f"signed for {second}, not for {third}", enveloped=[envelope(key, in_toto(second, annotated(3)))])
        refuses(n, third, "not a well-formed statement", enveloped=[envelope(key, in_toto(third, annotated(3), "https://spdx.dev/Document"))])
        text = envelope(key, good, "text/plain")
        refuses(n, third, "not signed", enveloped=[text])
        refuses(n, third, "not signed by a trusted key", enveloped=[text | {"payloadType": "application/vnd.in-toto+json"}])
        refuses(n, third, "not a well-formed statement", key, good)
        refuses(n, third, "larger than any statement", key, simple_signing(third, annotated(3)) + b" " * (16 << 10))
        refuses(n, third, "larger than any statement", enveloped=[envelope(key, good + b" " * (64 << 10))])
        # So many that the good one does not come up; but the server's own tag is looked at.
        many = [envelope(stranger, good)] * 256 + [envelope(key, good)]
        refuses(n, third, "more signatures than are looked at", enveloped=many)
        check(get(n.port, "/") == TWO and n.metric("aotc_release_sequence.*" + second) == 2, "nothing has changed")
        images.attach(third, *many)
        images.sign_as_cosign(third, key, simple_signing(third, annotated(3)))
        poll(n, "pulled")
        ready(n, third, ONE)
        second = images.put(two, note="again")
        images.attach(second, envelope(key, in_toto(second, annotated(4))))
        poll(n, "pulled")
        ready(n, second, TWO)

    # What ran runs again without a registry, by what the cache has of it.
    with fleet_node(NOTHING) as n:
        ready(n, second, TWO)

    # The same key revokes, and no other; nor does another signature make good what is revoked.
    with fleet_node(registry.host) as n:
        ready(n, second, TWO)
        images.revoke(revocations(stranger, REPOSITORY, 1, f"index {second} leaks"))
        poll(n, "does not obey a list of revocations")
        images.revoke(revocations(key, REPOSITORY, 1, f"index {second} leaks"))
        check(poll(n, "revoked")["index"] == second, "it ends")
        until(lambda: get(n.port, "/") == ONE, "the one before goes on")
        # Under a newer signature, too; a node that has not seen the older one takes neither.
        images.sign_as_cosign(second, key, simple_signing(second, annotated(5)))
        asked = n.metric("aotc_pulls_total")
        n.process.send_signal(signal.SIGHUP)
        until(lambda: n.metric("aotc_pulls_total") > asked, "it has asked")
        with fleet_node(registry.host, "new") as other:
            other.wait_log("revoked, and nothing else may run: leaks")
            check(get(other.port, "/")[0] == 503 and other.tenants() == [], "it does not run there")
        check(get(n.port, "/") == ONE, "nor here")
        last = images.put(two, note="last")
        images.attach(last, envelope(key, in_toto(last, annotated(6), "https://slsa.dev/provenance/v1")))
        poll(n, "pulled")
        ready(n, last, TWO)

    # A key of another kind has made none of these signatures.
    with fleet_node(registry.host, "other", other_kind) as n:
        n.wait_log("not signed")
        check(get(n.port, "/")[0] == 503, "nothing runs")
