# The client of registries speaks TLS and takes a certificate only from an authority that it knows, for the name or the
# address that it asked, and in its time.
# RUN: %python %s %t
import subprocess

from harness import AOTC, fresh_folder, sha256
from registry_of_lies import Registry

folder = fresh_folder()
INDEX = b'{"schemaVersion": 2, "manifests": []}'
PATHS = {"/v2/acme/app/manifests/v1": ("application/vnd.oci.image.index.v1+json", INDEX),
         "/v2/acme/app/tags/list": ("application/json", b'{"tags": ["v1"]}')}


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, cwd=folder, stderr=subprocess.DEVNULL)


def make_authority(name):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj",
            f"/CN={name}", "-days", "2")


def make_certificate(name, names, *options):
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=x")
    with open(f"{folder}/{name}.ext", "w") as file:
        file.write(f"subjectAltName={names}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial",
            "-extfile", f"{name}.ext", "-out", f"{name}.crt", *options)


def ls(certificate, host, authority, status):
    with Registry(PATHS) as registry:
        registry.use_tls(f"{folder}/{certificate}.crt", f"{folder}/{certificate}.key")
        port = registry.host.rsplit(":", 1)[1]
        result = subprocess.run([AOTC, "ls", f"https://{host}:{port}/acme/app"], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True,
                                env={"SSL_CERT_FILE": f"{folder}/{authority}.crt", "HOME": folder})
    assert result.returncode == status, result
    return result.stdout


make_authority("authority")
make_authority("stranger")
make_certificate("good", "DNS:localhost,IP:127.0.0.1", "-days", "2")
make_certificate("other", "DNS:registry.example,IP:127.0.0.2", "-days", "2")
make_certificate("old", "DNS:localhost", "-days", "-1")
for host in ("localhost", "127.0.0.1"):
    assert ls("good", host, "authority", 0) == f"v1  {sha256(INDEX)}\n"
    assert "not correctly signed by the trusted CA" in ls("good", host, "stranger", 1)
assert "Common Name (CN) does not match" in ls("other", "localhost", "authority", 1)
assert "the certificate is not for 127.0.0.1" in ls("other", "127.0.0.1", "authority", 1)
assert "expired" in ls("old", "localhost", "authority", 1)
assert "no certificates" in ls("good", "localhost", "nothing", 1)
