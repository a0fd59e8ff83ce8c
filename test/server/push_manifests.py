# Manifests are pushed by tag and by digest, with all that they name; what refers to them is listed; what is removed takes with it what
# nothing else needs. What is pushed is never signed.
# RUN: %python %s %t
import json
import subprocess

from harness import AOTC, Server, fresh_folder, hello_wasm, sha256
from push import EMPTY, INDEX, MANIFEST, descriptor, manifest, push_blob, push_image, push_manifest

folder = fresh_folder()
subprocess.run([AOTC, "keygen", f"{folder}/fleet"], check=True, stdout=subprocess.DEVNULL)
with Server(folder, "--sign-key", f"{folder}/fleet.key") as server:
    def has(kind, reference, repository="a"):
        return server.request("HEAD", f"/v2/{repository}/{kind}/{reference}")[0] == 200

    def referrers(digest, query=""):
        status, headers, body = server.request("GET", f"/v2/a/referrers/{digest}{query}")
        assert status == 200 and headers["content-type"] == INDEX, headers
        assert ("oci-filters-applied" in headers) == ("artifactType" in query)
        return json.loads(body)["manifests"], headers.get("link")

    # A manifest names what is there, in its size; its own digest and media type are what is said.
    push_blob(server, "a", b"{}")
    push_blob(server, "a", b"layer")
    right = manifest(b"{}", [b"layer"])
    edit = lambda **changes: json.dumps({**json.loads(right), **changes}).encode()
    layer = descriptor(b"layer", "text/plain")
    for document, reference, kind, code in (
            (right, sha256(b"other"), MANIFEST, "DIGEST_INVALID"), (right, "sha256:12", MANIFEST, "DIGEST_INVALID"),
            (right, "-tag", MANIFEST, "DIGEST_INVALID"), (right, "v1", INDEX, "MANIFEST_INVALID"), (right, "v1", "text/plain", "MANIFEST_INVALID"),
            (edit(mediaType=INDEX), "v1", INDEX, "MANIFEST_INVALID"), (edit(schemaVersion=1), "v1", MANIFEST, "MANIFEST_INVALID"),
            (edit(layers=[{**layer, "size": 4}]), "v1", MANIFEST, "SIZE_INVALID"), (edit(layers=[{**layer, "size": -1}]), "v1", MANIFEST, "MANIFEST_INVALID"),
            (edit(layers=[descriptor(b"nowhere", "text/plain")]), "v1", MANIFEST, "MANIFEST_BLOB_UNKNOWN"),
            (edit(layers=[{**layer, "digest": "sha512:" + "0" * 128}]), "v1", MANIFEST, "DIGEST_INVALID"),
            (edit(layers="none"), "v1", MANIFEST, "MANIFEST_INVALID"), (edit(config=[]), "v1", MANIFEST, "MANIFEST_INVALID"),
            (edit(manifests=[]), "v1", MANIFEST, "MANIFEST_INVALID"), (edit(annotations={"a": 1}), "v1", MANIFEST, "MANIFEST_INVALID"),
            (edit(subject={}), "v1", MANIFEST, "DIGEST_INVALID"), (edit(subject=layer, annotations={"a": "x" * 70000}), "v1", MANIFEST, "MANIFEST_INVALID"),
            (edit(layers=[layer] * 1001), "v1", MANIFEST, "MANIFEST_INVALID"), (b"{}", "v1", MANIFEST, "MANIFEST_INVALID"), (b"", "v1", MANIFEST, "MANIFEST_INVALID"),
            (b"[" * 100000, "v1", MANIFEST, "MANIFEST_INVALID"), (b'{"a":' * 40 + b"1" + b"}" * 40, "v1", MANIFEST, "MANIFEST_INVALID"),
            (b"[" + b"0," * 60000 + b"0]", "v1", MANIFEST, "MANIFEST_INVALID"),
            (json.dumps({"schemaVersion": 2, "manifests": [layer]}).encode(), "v1", INDEX, "MANIFEST_INVALID")):
        assert push_manifest(server, "a", document, reference, kind, 400) == code, (document[:200], code)
    assert push_manifest(server, "a", edit(annotations={"a": "x" * (4 << 20)}), "v1", expected=413) == "SIZE_INVALID"
    assert push_manifest(server, "a", right, "aotc-revocations", expected=403) == "DENIED"
    assert not has("manifests", sha256(right)) and server.get_json("/v2/a/tags/list")["tags"] == []
    elsewhere = {**layer, "digest": sha256(b"elsewhere"), "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar"}
    push_manifest(server, "b", right, "v1", expected=400)
    headers = push_manifest(server, "a", edit(layers=[layer, elsewhere]), "elsewhere")
    assert server.get(headers["location"]) == edit(layers=[layer, elsewhere])

    # An index, its images, and what refers to them: all of it goes with the index, but for what has a tag.
    first, _ = push_image(server, "a", [b"one"])
    second, _ = push_image(server, "a", [b"two"], "two")
    entries = [{"mediaType": MANIFEST, "digest": digest, "size": int(server.request("HEAD", f"/v2/a/manifests/{digest}")[1]["content-length"])}
               for digest in (first, second)]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    push_manifest(server, "a", index, "all", INDEX)
    sbom, headers = push_image(server, "a", [b"sbom of one"], subject=entries[0], artifactType="text/sbom", annotations={"made": "today"})
    assert headers["oci-subject"] == first
    note, _ = push_image(server, "a", [b"note"], "note", subject=entries[0])
    about, _ = push_image(server, "a", [b"about the sbom"], subject=descriptor(server.get(f"/v2/a/manifests/{sbom}"), MANIFEST))
    listed = {entry["digest"]: entry for entry in referrers(first)[0]}
    assert set(listed) == {sbom, note} and listed[sbom]["artifactType"] == "text/sbom" and listed[sbom]["annotations"] == {"made": "today"}, listed
    assert listed[note]["artifactType"] == EMPTY and [entry["digest"] for entry in referrers(first, "?artifactType=text/sbom")[0]] == [sbom]
    assert referrers(first, "?artifactType=text/other")[0] == [] and referrers(sha256(b"nothing"))[0] == []
    assert server.request("DELETE", f"/v2/a/blobs/{sha256(b'one')}")[0] == 409 and server.request("DELETE", f"/v2/a/blobs/{first}")[0] == 409
    push_blob(server, "a", b"loose")
    assert server.request("DELETE", f"/v2/a/manifests/{sha256(index)}")[0] == 202
    for kind, reference, left in (("manifests", sha256(index), False), ("manifests", "all", False), ("manifests", first, False), ("blobs", sha256(b"one"), False),
                                  ("manifests", sbom, False), ("blobs", sha256(b"sbom of one"), False), ("manifests", about, False),
                                  ("manifests", second, True), ("blobs", sha256(b"two"), True), ("manifests", note, True), ("blobs", sha256(b"loose"), True)):
        assert has(kind, reference) == left, (kind, reference)
    assert [entry["digest"] for entry in referrers(first)[0]] == [note]

    # A list of referrers comes in pages of bounded size.
    big = {push_image(server, "a", [b"big"], subject=entries[1], annotations={"n": str(number), "filler": "x" * 60000})[0] for number in range(20)}
    page, link = referrers(second)
    assert link and len(page) < 20
    rest, end = referrers(second, link[link.index("?"):link.index(">")])
    assert not end and {entry["digest"] for entry in page + rest} == big and len(page + rest) == 20
    assert server.request("GET", f"/v2/a/referrers/{second}?last=nothing")[0] == 400

    # What was compiled here is signed, and signed anew when it is tagged again; what was pushed is not, under whatever name.
    job = server.wait(server.upload(hello_wasm(folder), "?tier=quick&target=host&name=a&tag=made")[1]["id"])
    STATEMENT = "?artifactType=application/vnd.aotc.statement.v1"
    before, _ = referrers(job["index"], STATEMENT)
    made = server.get(f"/v2/a/manifests/{job['index']}")
    push_manifest(server, "a", made, "again", INDEX)
    after, _ = referrers(job["index"], STATEMENT)
    assert len(before) == len(after) == 1 and before[0]["digest"] != after[0]["digest"]
    for part in json.loads(made)["manifests"]:
        document = server.get(f"/v2/a/manifests/{part['digest']}")
        for blob in (json.loads(document)["config"], *json.loads(document)["layers"]):
            server.request("POST", f"/v2/copy/blobs/uploads/?mount={blob['digest']}&from=a")
        push_manifest(server, "copy", document)
    push_manifest(server, "copy", made, "v1", INDEX)
    assert server.get("/v2/copy/manifests/v1") == made
    push_manifest(server, "a", server.get(f"/v2/a/manifests/{second}"), "three")
    server.kill()
    server.start()
    for repository, digest in (("copy", job["index"]), ("a", second), ("a", note)):
        assert json.loads(server.get(f"/v2/{repository}/referrers/{digest}{STATEMENT}"))["manifests"] == [], repository
    assert len(referrers(job["index"], STATEMENT)[0]) == 1
    assert server.stats()["server_errors"] == 0
