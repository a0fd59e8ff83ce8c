"""What tests in Python share: the programs, modules to compile, a server and requests to it, connections, waiting. For
aotc-node see node.py, for images in a registry fleet.py.

    with Server(folder) as server:
        status, headers, body = server.request("GET", "/healthz")

lit makes these modules known to every test, and AOTC_BIN names the folder of the programs.
"""
import contextlib
import copy
import hashlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

BIN = os.environ.get("AOTC_BIN", os.path.join(os.path.dirname(__file__), "../../../build/bin"))
AOTC = os.path.join(BIN, "aotc")
PATIENCE = 120  # seconds until something that never comes counts as missing


def fresh_folder():
    """The folder that the test was given, empty."""
    subprocess.run(["rm", "-rf", sys.argv[1]], check=True)
    os.makedirs(sys.argv[1])
    return sys.argv[1]


def compile_wat(path, output):
    subprocess.run(["wat2wasm", path, "-o", output], check=True)
    with open(output, "rb") as file:
        return file.read()


def hello_wasm(folder):
    return compile_wat(os.path.join(os.path.dirname(__file__), "hello.wat"), os.path.join(folder, "hello.wasm"))


def different(wasm, text):
    """The same module with a custom section that holds `text` (up to 100 characters): another digest."""
    return padded(wasm, text.encode())


def padded(wasm, data):
    """The same module with a custom section that holds `data`."""
    content = b"\x04note" + data
    size, rest = b"", len(content)
    while rest >= 0x80:
        size, rest = size + bytes([rest & 0x7f | 0x80]), rest >> 7
    return wasm + b"\x00" + size + bytes([rest]) + content


def write_tokens(folder, tenants, operators=("root",)):
    """A token file: tenant -> {"tokens": {token: [roles]}, quotas...}. Returns its path."""
    file = {"operators": [{"sha256": sha256(token.encode())[7:]} for token in operators], "tenants": {}}
    for name, tenant in tenants.items():
        tokens = [{"sha256": sha256(token.encode())[7:], "roles": roles} for token, roles in tenant["tokens"].items()]
        file["tenants"][name] = {**tenant, "tokens": tokens}
    path = os.path.join(folder, "tokens.json")
    with open(path, "w") as output:
        json.dump(file, output)
    return path


class StoreFiles:
    """The store of a server that is stopped, from below (see test/unit/server/edit_store.cpp)."""

    def __init__(self, data):
        self.path = os.path.join(data, "store")

    def edit(self, verb, family, key, value=b""):
        command = [os.path.join(BIN, "edit_store"), self.path, verb, family, key.hex()]
        return subprocess.run(command, input=value.hex(), check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    def get(self, family, key):
        return bytes.fromhex(self.edit("get", family, key))

    def put(self, family, key, value):
        self.edit("put", family, key, value)

    def delete(self, family, key):
        self.edit("delete", family, key)

    def chunk_key(self, digest, index, tenant=""):
        return self.get("blobs", f"{digest}\0{tenant}".encode())[:8][::-1] + index.to_bytes(4, "big")

    def damage(self, digest, index, position=100, tenant=""):
        """Changes a byte of a chunk and leaves its checksum."""
        key = self.chunk_key(digest, index, tenant)
        value = bytearray(self.get("chunks", key))
        value[8 + position] ^= 1
        self.put("chunks", key, bytes(value))


def check(condition, what):
    if not condition:
        raise SystemExit(f"failed: {what}")


def until(condition, what="what was waited for"):
    """Asks until it is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"never: {what}")
        time.sleep(0.01)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def reset(connection):
    """Leaves at once, without a word."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_all(connection):
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            data += piece
    return data


def talk(port, data):
    """Sends bytes as they are; what comes back until the server closes."""
    with connect(port) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        return read_all(connection)


@contextlib.contextmanager
def serving(command, reach=lambda port: connect(port).close(), **how):
    """A program that cannot say on which port it listens: PORT in its command becomes one that was free. Yields process and
    port when it could be reached."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([word.replace("PORT", str(port)) for word in command], **how)

    def reached():
        try:
            reach(port)
        except OSError:
            return check(process.poll() is None, f"{command} runs")
        return True

    try:
        until(reached, f"{command} listens")
        yield process, port
    finally:
        process.kill()
        process.wait()


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Authority:
    """An authority of certificates made by openssl in `folder`; `file` holds its own."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name, self.file = folder, name, f"{folder}/{name}.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", self.file)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def issue(self, name, subject="IP:127.0.0.1,DNS:localhost", expired=False):
        """A certificate and its key for a server: the options with which one uses them."""
        base = f"{self.folder}/{name}"
        with open(base + ".ext", "w") as file:
            file.write(f"subjectAltName={subject}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server",
                     "-keyout", base + ".key", "-out", base + ".csr")
        self.openssl("x509", "-req", "-in", base + ".csr", "-CA", self.file, "-CAkey", f"{self.folder}/{self.name}.key",
                     "-CAcreateserial", "-extfile", base + ".ext", "-out", base + ".pem", "-days", "-1" if expired else "1")
        return ["--tls-cert", base + ".pem", "--tls-key", base + ".key"]


class Server:
    def __init__(self, folder, *options):
        os.makedirs(folder, exist_ok=True)
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "server.log")
        self.options = options
        self.token = None
        self.tls = None  # a context of ssl for requests by TLS
        self.environment = None  # this process's own

    def as_user(self, token):
        """The same server, asked with a token."""
        user = copy.copy(self)
        user.token = token
        return user

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [os.path.join(BIN, "aotc-server"), "--data", self.data, "--listen", "127.0.0.1:0", *self.options],
                stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http"), (line, open(self.log).read())
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.kill()
            sys.stderr.write(open(self.log).read())
            return
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0, self.process.returncode

    def request(self, method, path, body=None, headers=None):
        headers = headers or {}
        if self.tls:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=120, context=self.tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        if self.token is not None:
            headers = {"Authorization": "Bearer " + self.token, **headers}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()

    def get(self, path, headers=None):
        status, _, body = self.request("GET", path, headers=headers)
        assert status == 200, (path, status, body)
        return body

    def get_json(self, path):
        return json.loads(self.get(path))

    def upload(self, wasm, options=""):
        status, _, body = self.request("POST", "/v1/compile" + options, wasm)
        return status, json.loads(body)

    def wait(self, job):
        """The job as it is when it has ended."""
        while True:
            record = self.get_json(f"/v1/jobs/{job}?wait=60")
            if record["state"] in ("done", "failed", "cancelled"):
                return record

    def stats(self):
        return self.get_json("/v1/stats")

    def talk(self, data):
        return talk(self.port, data)


@contextlib.contextmanager
def docker_registry(folder, more="", http=""):
    """Debian's registry on a free port of loopback, with its data in `folder`; yields its "host:port". `more` is put into its
    configuration, `http` into the part of it that says how it is reached."""
    with open(f"{folder}/registry.yml", "w") as file:
        file.write(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
                   f"http: {{addr: chosen{http}}}\n{more}")
    command = ["env", "REGISTRY_HTTP_ADDR=127.0.0.1:PORT", "docker-registry", "serve", f"{folder}/registry.yml"]
    with serving(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as (_, port):
        yield f"127.0.0.1:{port}"
