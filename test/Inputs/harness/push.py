"""Pushes to a server by the distribution API, request by request."""
import json

from harness import sha256

MANIFEST, INDEX = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("manifest", "index"))
EMPTY, WASM, WASM_CONFIG = "application/vnd.oci.empty.v1+json", "application/wasm", "application/vnd.wasm.config.v0+json"


def descriptor(data, kind, **more):
    return {"mediaType": kind, "digest": sha256(data), "size": len(data), **more}


def manifest(config, layers, config_type=EMPTY, layer_type="text/plain", **more):
    """The document of an image; `layers` are bytes, or (type, bytes)."""
    layers = [layer if isinstance(layer, tuple) else (layer_type, layer) for layer in layers]
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, config_type),
                       "layers": [descriptor(data, kind) for kind, data in layers], **more}).encode()


def push_blob(server, repository, data, expected=201):
    status, headers, body = server.request("POST", f"/v2/{repository}/blobs/uploads/?digest={sha256(data)}", data)
    assert status == expected, (status, body)
    return headers


def push_manifest(server, repository, document, reference=None, kind=MANIFEST, expected=201):
    """Headers of the answer, or where another status is expected the code of its error."""
    path = f"/v2/{repository}/manifests/{reference or sha256(document)}"
    status, headers, body = server.request("PUT", path, document, {"Content-Type": kind})
    assert status == expected, (status, body)
    return headers if status == 201 else json.loads(body)["errors"][0]["code"]


def push_image(server, repository, layers, reference=None, config=b"{}", **more):
    """The digest of the manifest, and the headers of the answer."""
    document = manifest(config, layers, **more)
    for data in (config, *(layer[1] if isinstance(layer, tuple) else layer for layer in layers)):
        push_blob(server, repository, data)
    return sha256(document), push_manifest(server, repository, document, reference)
