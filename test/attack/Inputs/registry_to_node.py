"""registry_to_node.py FOLDER: a registry in wrong hands sends a node's puller, which has the fleet's token, to places of its
choice; see registry_to_node.test. Runs under `unshare -rnm`."""
import base64
import json
import os
import shutil
import sys

import small_internet
from fleet import Images, Key
from harness import check
from node import node
from registry_of_lies import Registry
from small_internet import INSIDE, PUBLIC, STORE

folder = sys.argv[1]
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
names = small_internet.build()
key, images = Key(folder, "key"), Images()
images.publish(key, 1, b"artifact" * 1000)
blob = [path for path in images.paths if "/blobs/" in path and images.paths[path][1].startswith(b"artifact")][0]
token_file = f"{folder}/token"
with open(token_file, "w") as file:
    file.write("secret\n")
PASSWORD = "Basic " + base64.b64encode(b"token:secret").decode()
grants = {"/token": ("application/json", json.dumps({"token": "granted"}).encode())}


def bearer(realm):
    return f'Bearer realm="{realm}",service="s",scope="repository:acme/app:pull"'


def hear(registry, what, *options):
    """What the node says of its first pull."""
    shutil.rmtree(f"{folder}/cache", ignore_errors=True)
    with registry, node([f"site=http://{registry.host}/acme/app:v1"], "--trust", key.public, "--cache", f"{folder}/cache",
                        "--token-file", token_file, *options, up=False) as n:
        return n.wait_log(what)["message"]


for kind, addresses in INSIDE.items():
    address = addresses[0]
    with Registry({**grants, "/blob": images.paths[blob]}, address=address) as inside:
        names["inside.example"] = [address]
        for host in (address, "inside.example"):
            place = f"http://{host}:{inside.host.rsplit(':', 1)[1]}"
            for registry in (Registry(images.paths, "none", PUBLIC, challenge=bearer(place + "/token")),
                             Registry({**images.paths, blob: place + "/blob"}, address=PUBLIC)):
                said = hear(registry, "cannot pull")
                check(inside.connections == 0 and (f"which is {kind}" in said or "password" in said), (host, said, inside.asked))

with Registry(grants, address=STORE) as realm, Registry({"/blob": images.paths[blob]}, address=STORE) as store:
    def registry():
        return Registry({**images.paths, blob: f"http://{store.host}/blob"}, "Bearer granted", PUBLIC, port=5000,
                        challenge=bearer(f"http://{realm.host}/token"))

    said = hear(registry(), "cannot pull")
    check(f"wants the password to be sent to {realm.host}" in said and realm.connections == 0, (said, realm.asked))
    said = hear(registry(), "cannot pull", "--token-realm", f"other.example={realm.host}")
    check(realm.connections == 0, (said, realm.asked))
    # Named, it gets the password; the registry gets the token, where it sends to neither.
    hear(registry(), "pulled", "--token-realm", f"{PUBLIC}:5000={realm.host}")
    check([login for _, login in realm.asked] == [PASSWORD], realm.asked)
    check(store.asked == [("/blob", None)], store.asked)
