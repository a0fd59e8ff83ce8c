# A real registry whose tokens come from another port and whose blobs lie with another host: the realm gets the password if
# the operator named it, and is asked for what is done and nothing else; the registry gets the token, the place of blobs neither.
# REQUIRES: docker-registry
# RUN: %python %s %t
import base64
import json
import os
import subprocess
import time
import urllib.parse

from harness import AOTC, Authority, docker_registry, fresh_folder, sha256
from registry_of_lies import Registry

folder = fresh_folder()
PASSWORD = "Basic " + base64.b64encode(b"robot:secret").decode()
authority = Authority(folder)
words = authority.issue("tls")
tls = words[1], words[3]
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens", "-keyout",
                f"{folder}/tokens.key", "-out", f"{folder}/tokens.pem"], check=True, stderr=subprocess.DEVNULL)
certificate = "".join(open(f"{folder}/tokens.pem").read().split("\n")[1:-2])


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(scope):
    """What the registry takes from its realm: a JSON Web Token over what is granted."""
    kind, name, actions = scope.split(":")
    claims = {"iss": "tests", "sub": "robot", "aud": "the registry", "exp": int(time.time()) + 600, "nbf": int(time.time()) - 60,
              "iat": int(time.time()), "jti": "1", "access": [{"type": kind, "name": name, "actions": actions.split(",")}]}
    head = {"typ": "JWT", "alg": "RS256", "x5c": [certificate]}
    text = b".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{folder}/tokens.key"], input=text, check=True,
                               stdout=subprocess.PIPE).stdout
    return (text + b"." + base64url(signature)).decode()


class Tokens(dict):
    """The realm's answers, made as they are asked for."""

    def get(self, path, default):
        query = dict(urllib.parse.parse_qsl(realm.asked[-1][0].partition("?")[2]))
        assert path == "/token" and query["service"] == "the registry", realm.asked
        return ("application/json", json.dumps({"token": token(query["scope"]), "expires_in": 300}).encode())


class Store(dict):
    """What the registry has on its disk. As real stores, it refuses who says more than it wants to know."""

    def get(self, path, default):
        name, login = store.asked[-1]
        if login is not None or not os.path.exists(f"{folder}/registry{path}"):
            return default
        with open(f"{folder}/registry{path}", "rb") as file:
            return ("application/octet-stream", file.read())


def document(value):
    return json.dumps({"schemaVersion": 2, **value}).encode()


def describe(kind, data, **more):
    return {"mediaType": kind, "digest": sha256(data), "size": len(data), **more}


INDEX, MANIFEST = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("index", "manifest"))
artifact, config = b"\x7fELF" + bytes(5000), b"{}"
manifest = document({"mediaType": MANIFEST, "config": describe("application/vnd.oci.empty.v1+json", config),
                     "layers": [describe("application/vnd.aotc.artifact.v1", artifact)]})
index = document({"mediaType": INDEX, "manifests": [describe(MANIFEST, manifest, platform={"os": "linux", "architecture": "amd64"})]})
image = {f"/v2/acme/app/manifests/{name}": (INDEX, index) for name in ("v1", sha256(index))}
image[f"/v2/acme/app/manifests/{sha256(manifest)}"] = (MANIFEST, manifest)
image.update({f"/v2/acme/app/blobs/{sha256(data)}": ("x", data) for data in (artifact, config)})


def aotc(*arguments, status=0):
    result = subprocess.run([AOTC, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
                            env={"HOME": folder, "PATH": os.environ["PATH"], "DOCKER_CONFIG": folder, "SSL_CERT_FILE": authority.file})
    assert result.returncode == status, (arguments, result.stdout)
    return result.stdout


with Registry(Tokens()) as realm, Registry(Store()) as store, Registry(image) as source:
    realm.login = PASSWORD
    for server in (realm, store):
        server.use_tls(*tls)
    more = (f"auth: {{token: {{realm: 'https://{realm.host}/token', service: the registry, issuer: tests, rootcertbundle: "
            f"{folder}/tokens.pem}}}}\n"
            f"middleware: {{storage: [{{name: redirect, options: {{baseurl: 'https://localhost:{store.host.rsplit(':', 1)[1]}/'}}}}]}}\n")
    with docker_registry(folder, more, f", tls: {{certificate: {tls[0]}, key: {tls[1]}}}") as host:
        with open(f"{folder}/config.json", "w") as file:
            json.dump({"auths": {host: {"auth": PASSWORD.split()[1]}}}, file)
        url, named = f"https://{host}/acme/app:v1", ("--token-realm", f"{host}={realm.host}")

        said = aotc("push", f"http://{source.host}/acme/app:v1", url, status=1)
        assert f"wants the password to be sent to {realm.host}" in said and realm.asked == [], said
        aotc("push", f"http://{source.host}/acme/app:v1", url, *named)
        scopes = [urllib.parse.parse_qs(path.partition("?")[2])["scope"] for path, _ in realm.asked]
        # docker-registry names the actions that it wants in an order of its own, another one each time.
        assert scopes == [["repository:acme/app:pull"], ["repository:acme/app:pull,push"]], scopes

        for command, scope in ((("pull", url, "--target", "x86_64", "-o", "app.aotc"), "repository:acme/app:pull"),
                               (("ls", f"https://{host}/acme/app"), "repository:acme/app:pull"),
                               (("ls", f"https://{host}"), "registry:catalog:*")):
            before = len(realm.asked)
            aotc(*command, *named)
            asked = realm.asked[before:]
            assert [path.split("?")[1].split("&")[0] for path, _ in asked] == ["scope=" + scope.replace("*", "%2A").replace(",", "%2C")], asked
        assert open(f"{folder}/app.aotc", "rb").read() == artifact
        assert {login for _, login in realm.asked} == {PASSWORD}, realm.asked
        reads = [path for path, login in store.asked]
        assert len(reads) >= 1 and all(login is None for _, login in store.asked), store.asked
