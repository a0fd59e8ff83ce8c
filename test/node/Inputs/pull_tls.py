"""pull_tls.py: a node pulls from registries with certificates good and bad; see pull_tls.test for the arguments."""
import os
import shutil
import subprocess
import sys

from fleet import Images, Key
from harness import check
from node import get, node
from registry_of_lies import Registry

folder, artifact = sys.argv[1], open(sys.argv[2], "rb").read()
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
key, images = Key(folder, "key"), Images()
images.publish(key, 1, artifact)
for name in ("good", "stranger"):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/{name}.tls", "-out",
                    f"{folder}/{name}.crt", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost", "-days", "2"],
                   check=True, stderr=subprocess.DEVNULL)
with Registry(images.paths) as registry:
    registry.use_tls(f"{folder}/good.crt", f"{folder}/good.tls")
    app = f"site=https://localhost:{registry.host.rsplit(':', 1)[1]}/acme/app:v1"
    options = ("--trust", key.public, "--cache", f"{folder}/cache")
    os.environ["SSL_CERT_FILE"] = f"{folder}/stranger.crt"
    with node([app], *options, up=False) as n:
        n.wait_log("not correctly signed by the trusted CA")
        check(registry.asked == [], "nothing was asked")
    os.environ["SSL_CERT_FILE"] = f"{folder}/good.crt"
    with node([app], *options) as n:
        check(get(n.port, "/") == (200, b"version one\n"), "the release")
