"""registry_to_cli.py FOLDER: a registry in wrong hands sends `aotc` to places of its choice; see registry_to_cli.test.

Runs under `unshare -rnm`, in a network of its own (small_internet.py). Each row of the tables is one command against one
registry; what counts is what arrived at the place that it named, not what the command said.
"""
import base64
import json
import os
import subprocess

import small_internet
from harness import AOTC, Authority, fresh_folder, sha256
from registry_of_lies import Registry
from small_internet import INSIDE, PUBLIC, STORE

INDEX, MANIFEST = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("index", "manifest"))
PASSWORD = "Basic " + base64.b64encode(b"token:secret").decode()
names = small_internet.build()
folder = fresh_folder()
authority = Authority(folder)
artifact = b"\x7fELF" + bytes(5000)


def document(value):
    return json.dumps({"schemaVersion": 2, **value}).encode()


def describe(kind, data, **more):
    return {"mediaType": kind, "digest": sha256(data), "size": len(data), **more}


manifest = document({"layers": [describe("application/vnd.aotc.artifact.v1", artifact)]})
index = document({"manifests": [describe(MANIFEST, manifest, platform={"os": "linux", "architecture": "amd64"})]})
blob = f"/v2/acme/app/blobs/{sha256(artifact)}"
image = {"/v2/acme/app/manifests/v1": (INDEX, index), f"/v2/acme/app/manifests/{sha256(manifest)}": (MANIFEST, manifest),
         f"/v2/acme/app/manifests/{sha256(index)}": (INDEX, index), blob: ("application/octet-stream", artifact),
         f"/v2/acme/app/referrers/{sha256(index)}": (INDEX, document({"manifests": []})),
         "/v2/acme/app/tags/list": ("application/json", b'{"tags": ["v1"]}'),
         "/v2/_catalog": ("application/json", b'{"repositories": ["acme/app"]}')}
token_answer = {"/token": ("application/json", json.dumps({"token": "granted"}).encode())}


def with_tls(registry, subject):
    words = authority.issue("tls", subject)
    registry.use_tls(words[1], words[3])
    return registry


def aotc(*words, token="secret", login=None):
    """`login` is a registry that `docker login` was told the password for."""
    environment = {"HOME": folder, "PATH": os.environ["PATH"], "SSL_CERT_FILE": authority.file, "DOCKER_CONFIG": folder}
    with open(f"{folder}/config.json", "w") as file:
        json.dump({"auths": {login: {"auth": PASSWORD.split()[1]}}} if login else {}, file)
    if token:
        environment["AOTC_TOKEN"] = token
    result = subprocess.run([AOTC, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
                            env=environment)
    return result.returncode, result.stdout


def pull(host, *words, token="secret"):
    return aotc("pull", f"{host}/acme/app:v1", "--target", "x86_64", "-o", "out.aotc", *words, token=token)


def bearer(realm, scope="repository:acme/app:pull", service="s"):
    return f'Bearer realm="{realm}",service="{service}",scope="{scope}"'


def literal(address):
    return f"[{address}]" if ":" in address else address


def written(address):
    """The ways to write an address, each of which leads there."""
    yield literal(address)
    if ":" not in address:
        number = int.from_bytes(bytes(map(int, address.split("."))), "big")
        yield str(number)
        yield hex(number)
        yield f"[::ffff:{address}]"
        yield f"[64:ff9b::{address}]"
    names["inside.example"] = [address]
    yield "inside.example"
    # A name that was public when it was looked at first.
    names["rebound.example"] = [STORE, address]
    yield "rebound.example"


# 1. Inside addresses: nothing at all may arrive there, by a realm, a blob's place or an upload's, with a password or not.
rows = 0
for kind, addresses in INSIDE.items():
    for address in addresses:
        with Registry({**token_answer, "/blob": ("x", artifact)}, address=address) as inside:
            port = inside.host.rsplit(":", 1)[1]
            for host in written(address):
                for what, registry in (
                        ("realm", Registry(image, "none", PUBLIC, challenge=bearer(f"http://{host}:{port}/token"))),
                        ("blob", Registry({**image, blob: f"http://{host}:{port}/blob"}, address=PUBLIC)),
                        ("manifest", Registry({"/v2/acme/app/manifests/v1": f"http://{host}:{port}/"}, address=PUBLIC))):
                    for token in ("secret", ""):
                        with registry:
                            status, said = pull(f"http://{registry.host}", token=token)
                        registry = Registry(registry.paths, registry.login, PUBLIC, challenge=registry.challenge)
                        assert status == 1 and inside.connections == 0, (what, kind, host, said, inside.asked)
                        rows += 1
            with Registry(image, address=PUBLIC) as source, Registry({}, address=PUBLIC, uploads=f"http://{literal(address)}:{port}/up") as to:
                status, said = aotc("push", f"http://{source.host}/acme/app:v1", f"http://{to.host}/acme/app:v1")
                assert status == 1 and inside.connections == 0, ("upload", kind, said, inside.asked)
                rows += 1

# What is inside may send to its own kind, and to what is public, but not to another kind.
for own, other, allowed in (("10.0.0.7", "192.168.3.4", True), ("10.0.0.7", "fd00::7", True), ("10.0.0.7", STORE, True),
                            ("10.0.0.7", "127.0.0.1", False), ("10.0.0.7", "169.254.169.254", False),
                            ("127.0.0.1", "127.9.9.9", True), ("127.0.0.1", "10.0.0.7", False), ("fd00::7", "::1", False),
                            ("169.254.169.254", "100.64.0.9", False)):
    with Registry({"/blob": ("x", artifact)}, address=other) as place:
        with Registry({**image, blob: f"http://{place.host}/blob"}, address=own) as registry:
            status, said = pull(f"http://{registry.host}")
    assert (status == 0) == allowed and place.connections == allowed, (own, other, said)
    assert place.asked == [("/blob", None)] * allowed, (own, other, place.asked)
    rows += 1

WHY = {"the catalog": "which it has no need of", "a scope in the realm": "its realm has a query",
       "a long name": "sent on to a place with a name that is too long"}
# 2. The password and the token, in front of public places. `seen` is what may arrive at the named place.
with Registry(token_answer, address=STORE) as realm:
    port = realm.host.rsplit(":", 1)[1]
    named = lambda host, realm_host=realm.host: ("--token-realm", f"{host}={realm_host}")
    for what, challenge, words, token, good, seen in (
            ("another host", bearer(f"http://{realm.host}/token"), None, "secret", False, []),
            ("named by the operator", bearer(f"http://{realm.host}/token"), named, "secret", True,
             ["/token?scope=repository:acme/app:pull&service=s"]),
            ("another port of the one that is named", bearer(f"http://{realm.host}/token"),
             lambda host: named(host, STORE + ":1"), "secret", False, []),
            ("named for another registry", bearer(f"http://{realm.host}/token"), lambda host: named("other.example"), "secret",
             False, []),
            ("nobody in particular asks", bearer(f"http://{realm.host}/token"), None, "", True,
             ["/token?scope=repository:acme/app:pull&service=s"]),
            ("more than is done", bearer(f"http://{realm.host}/token", "repository:acme/app:pull,push,delete"), named, "secret",
             True, ["/token?scope=repository:acme/app:pull&service=s"]),
            ("another repository too", bearer(f"http://{realm.host}/token", "repository:acme/app:pull repository:b:pull"), named,
             "secret", True, ["/token?scope=repository:acme/app:pull&service=s"]),
            ("another repository", bearer(f"http://{realm.host}/token", "repository:b:pull"), named, "secret", False, []),
            ("the catalog", bearer(f"http://{realm.host}/token", "registry:catalog:*"), named, "secret", False, []),
            ("a scope in the realm", bearer(f"http://{realm.host}/token?scope=repository:b:pull"), named, "secret", False, []),
            ("a service that is more", bearer(f"http://{realm.host}/token", service="s&scope=repository:b:pull"), named,
             "secret", True, ["/token?scope=repository:acme/app:pull&service=s%26scope%3Drepository:b:pull"]),
            ("a user in the realm", bearer(f"http://x@{realm.host}/token"), named, "secret", False, []),
            ("the named one as a user", bearer(f"http://{realm.host}@{PUBLIC}:1/token"), named, "secret", False, []),
            ("the named one in the path", bearer(f"http://{PUBLIC}:1/{realm.host}/token"), named, "secret", False, []),
            ("a host with a query", bearer(f"http://{PUBLIC}:1?{realm.host}/token"), named, "secret", False, []),
            ("a long name", bearer(f"http://{realm.host}/" + "x" * 20000), named, "secret", False, []),
            ("no realm", "Bearer service=x", named, "secret", False, [])):
        before = len(realm.asked)
        with Registry(image, "Bearer granted", PUBLIC, challenge=challenge) as registry:
            host = registry.host
            status, said = pull(f"http://{host}", *(words(host) if words else ()), token=token)
        new = realm.asked[before:]
        assert (status == 0) == good and [path for path, _ in new] == seen, (what, said, new)
        assert all(login == (PASSWORD if token else None) for _, login in new), (what, new)
        assert all(login in (None, "Bearer granted") for _, login in registry.asked), (what, registry.asked)
        assert token not in said or not token, said
        assert WHY.get(what, "") in said, (what, said)
        rows += 1

    # The token is shown to the registry that it was got for, and not where that one sends to.
    with Registry({"/blob": ("x", artifact)}, address=STORE) as store, \
            Registry({**image, blob: f"http://{store.host}/blob"}, "Bearer granted", PUBLIC,
                     challenge=bearer(f"http://{realm.host}/token")) as registry:
        status, said = pull(f"http://{registry.host}", *named(registry.host))
    assert status == 0 and store.asked == [("/blob", None)], (said, store.asked)
    # Nor, when something is put somewhere; the password neither.
    with Registry({}, address=STORE) as store, Registry(image, address=PUBLIC) as source, \
            Registry({}, PASSWORD, PUBLIC, uploads=f"http://{store.host}/up") as to:
        status, said = aotc("push", f"http://{source.host}/acme/app:v1", f"http://{to.host}/acme/app:v1", login=to.host)
    assert status == 0 and PASSWORD in [login for _, login in to.asked], (said, to.asked)
    assert len(store.asked) == 1 and store.asked[0][1] is None, store.asked
    rows += 2

# 3. From TLS to none: neither the password nor a byte of a question.
with Registry({**token_answer, "/blob": ("x", artifact)}, address=STORE) as plain:
    for what, challenge, paths in (("realm", bearer(f"http://{plain.host}/token"), image),
                                   ("blob", None, {**image, blob: f"http://{plain.host}/blob"})):
        registry = with_tls(Registry(paths, "none" if challenge else None, PUBLIC, challenge=challenge), f"IP:{PUBLIC}")
        with registry:
            status, said = pull(f"https://{registry.host}", "--token-realm", f"{registry.host}={plain.host}")
        assert status == 1 and "sent on to a place without TLS" in said and plain.connections == 0, (what, said, plain.asked)
        rows += 1
    registry = Registry(image, "none", PUBLIC)
    registry.challenge = bearer(f"http://{registry.host}/token")
    with with_tls(registry, f"IP:{PUBLIC}"):
        status, said = pull(f"https://{registry.host}")
    assert status == 1 and "without TLS" in said, said
# As an object store does: another host, with TLS, found by name.
names["store.example"] = [STORE]
with with_tls(Registry({"/blob": ("x", artifact)}, address=STORE), "DNS:store.example") as store:
    port = store.host.rsplit(":", 1)[1]
    with with_tls(Registry({**image, blob: f"https://store.example:{port}/blob?X-Signature=1"}, PASSWORD, PUBLIC),
                  f"IP:{PUBLIC}") as registry:
        status, said = pull(f"https://{registry.host}")
assert status == 0 and store.asked == [("/blob?X-Signature=1", None)], (said, store.asked)
rows += 2

# 4. The registry's own name stays the address that it was, whatever its owner makes of it later.
with Registry(image, address=PUBLIC, port=5000) as registry, Registry(image, address="10.0.0.7", port=5000) as inside:
    names["registry.example"] = [PUBLIC, "10.0.0.7"]
    status, said = pull("http://registry.example:5000")
assert status == 0 and inside.connections == 0 and names.asked.count("registry.example") == 1, (said, inside.asked)

# 5. What a realm answers is bounded.
for what, answer in (("too much", b'{"token": "' + b"x" * (1 << 20) + b'"}'), ("a long one", b'{"token": "' + b"x" * 20000 + b'"}'),
                     ("a line break", b'{"token": "x\\r\\nX-Header: y"}'), ("a number", b'{"token": 7}'), ("no JSON", b"<html>")):
    registry = Registry({**image, "/token": ("application/json", answer)}, "Bearer granted", PUBLIC)
    registry.challenge = bearer(f"http://{registry.host}/token")
    with registry:
        status, said = pull(f"http://{registry.host}")
    assert status == 1 and [path.split("?")[0] for path, _ in registry.asked] == ["/v2/acme/app/manifests/v1", "/token"], (what, said)
    rows += 1
for what, place in (("a long name", f"http://{STORE}:1/" + "x" * 20000), ("in circles", blob)):
    with Registry({**image, blob: place}, address=PUBLIC) as registry:
        status, said = pull(f"http://{registry.host}")
    assert status == 1 and len(registry.asked) < 10, (what, said, registry.asked)
    rows += 1

# 6. `aotc compile --server` follows nobody and answers no challenge: its token is for the server that was named.
with open(f"{folder}/m.wasm", "wb") as file:
    file.write(b"\0asm\1\0\0\0")
with Registry({}, address=STORE) as elsewhere:
    for registry in (Registry({"/v1/compile": f"http://{elsewhere.host}/"}, address=PUBLIC),
                     Registry({}, "none", PUBLIC, challenge=bearer(f"http://{elsewhere.host}/token")),
                     Registry({}, address=PUBLIC, uploads=f"http://{elsewhere.host}/")):
        with registry:
            status, said = aotc("compile", "m.wasm", "--server", f"http://{registry.host}", "--name", "acme/app")
        assert status == 1 and elsewhere.connections == 0 and registry.asked[0][1] == "Bearer secret", (said, elsewhere.asked)
        rows += 1
print(rows, "rows")
