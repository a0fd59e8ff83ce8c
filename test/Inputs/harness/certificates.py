"""An authority of a test's own, made by openssl, and certificates of it."""
import os
import subprocess


def openssl(*words, **options):
    return subprocess.run(["openssl", *words], check=True, capture_output=True, text=True, **options).stdout


class Authority:
    """Its files are in `folder`; `root` is its own certificate."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.root, self.key = folder, f"{folder}/root.pem", f"{folder}/root.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=root",
                "-keyout", self.key, "-out", self.root)

    def issue(self, path, names, *key):
        """A certificate for `names` in `path`, its key in `path`.key; returns the serial number."""
        key = key or ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        openssl("req", "-newkey", *key, "-nodes", "-subj", "/CN=x", "-keyout", f"{path}.key", "-out", f"{path}.csr")
        with open(f"{path}.ext", "w") as file:
            file.write(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", f"{path}.csr", "-CA", self.root, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                "-extfile", f"{path}.ext", "-out", path)
        return self.serial(path)

    def serial(self, path):
        return openssl("x509", "-in", path, "-noout", "-serial").strip().split("=")[1]

    def vouch(self, path):
        """Writes what the authority says of the certificate, `path`.ocsp."""
        with open(f"{self.folder}/index", "w") as file:
            file.write(f"V\t491231235959Z\t\t{self.serial(path)}\tunknown\t/CN=x\n")
        openssl("ocsp", "-issuer", self.root, "-cert", path, "-reqout", f"{path}.request")
        openssl("ocsp", "-index", f"{self.folder}/index", "-CA", self.root, "-rsigner", self.root, "-rkey", self.key, "-ndays", "2",
                "-reqin", f"{path}.request", "-respout", f"{path}.ocsp")
