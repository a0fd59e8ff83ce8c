"""image.py OUT.tar NAME FOLDER USER WORD...: an OCI image of one layer, the files in FOLDER, that starts with these words as this user; for `ctr image import`."""
import hashlib
import io
import json
import sys
import tarfile

out, name, folder, user, *words = sys.argv[1:]
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as tar:
    tar.add(folder, "")
with tarfile.open(out, "w") as image:
    def add(path, data):
        info = tarfile.TarInfo(path)
        info.size = len(data)
        image.addfile(info, io.BytesIO(data))

    def blob(kind, data):
        digest = hashlib.sha256(data).hexdigest()
        add(f"blobs/sha256/{digest}", data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    content = blob("layer.v1.tar", layer.getvalue())
    config = blob("config.v1+json", json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": words, "Env": ["PATH=/bin"], "User": user},
                                                "rootfs": {"type": "layers", "diff_ids": [content["digest"]]}}).encode())
    manifest = blob("manifest.v1+json", json.dumps({"schemaVersion": 2, "config": config, "layers": [content]}).encode())
    index = {"schemaVersion": 2, "manifests": [{**manifest, "annotations": {"io.containerd.image.name": name}}]}
    add("index.json", json.dumps(index).encode())
    add("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
