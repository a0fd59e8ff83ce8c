# Who has no token, or not the role, gets nothing from any route of the API's description and of the registry's, by any
# method, and not a byte of a body that was announced is waited for. What a token is compared with is in no file or answer.
# RUN: %python %s %t
import base64
import hashlib
import itertools
import json
import socket

from harness import Server, fresh_folder, write_tokens

folder = fresh_folder()
tenants = {"acme": {"tokens": {"acme-rw": ["pull", "push"], "acme-ro": ["pull"], "acme-wo": ["push"]}}}
server = Server(folder, "--token-file", write_tokens(folder, tenants), "--workers", "0", "--no-request-log")
ZERO = "sha256:" + "0" * 64
OPEN = {"/healthz", "/readyz"}
OPERATORS = {"/v1/stats", "/metrics"}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")
REGISTRY = ["/v2", "/v2/", "/v2/_catalog", "/v2/acme/app/tags/list", f"/v2/acme/app/manifests/{ZERO}", "/v2/acme/app/manifests/latest",
            f"/v2/acme/app/blobs/{ZERO}", f"/v2/acme/app/referrers/{ZERO}", "/v2/acme/app/blobs/uploads/", "/nothing", "/", "/%68ealthz/x", "/healthz/"]
MALFORMED = ["//", "/healthz/../v1/stats", "/healthz//", "//healthz"]
STRANGERS = ["", "Bearer", "Bearer ", "Bearer wrong", "bearer acme-r", "acme-rw", "Basic !", "Basic ",
             "Basic " + base64.b64encode(b"acme-rw").decode(), "Basic " + base64.b64encode(b"acme-rw:").decode(),
             "Bearer " + hashlib.sha256(b"acme-rw").hexdigest(), "Bearer sha256:" + hashlib.sha256(b"acme-rw").hexdigest(),
             "Bearer acme-rw\x00", "Bearer " + "a" * 4000, "Digest acme-rw"]


def ask(method, path, authorization=None, length=None):
    """The status, while the body that was announced never comes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += f"Authorization: {authorization}\r\n" if authorization is not None else ""
    head += f"Content-Length: {length}\r\n" if length is not None else ""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(60)
        connection.sendall((head + "\r\n").encode("latin-1"))
        answer = b""
        while b"\r\n\r\n" not in answer and (piece := connection.recv(65536)):
            answer += piece
    return int(answer.split()[1]), answer


with server:
    described = json.loads(server.as_user("acme-ro").get("/v1/openapi.json"))["paths"]
    paths = [path.replace("{id}", "0" * 32) for path in described] + REGISTRY + MALFORMED
    assert OPEN | OPERATORS <= set(paths) and len(described) > 6, paths
    for path, method in itertools.product(paths, METHODS):
        for number, stranger in enumerate([None, *STRANGERS] if method in ("GET", "POST") else [None, "Bearer wrong"]):
            if path in OPEN:
                continue
            status, answer = ask(method, path, stranger, length=1_000_000 if method in ("POST", "PUT", "PATCH") else None)
            malformed = path in MALFORMED or stranger is not None and "\x00" in stranger
            assert status == (400 if malformed else 401), (method, path, stranger, answer)
            assert b"acme" not in answer.split(b"\r\n\r\n")[0], answer
    # Roles: the wrong one is as good as none.
    for path, method in itertools.product(paths, METHODS[:5]):
        if path in OPEN or path in MALFORMED:
            continue
        if method not in ("GET", "HEAD"):
            wrong = ["acme-ro"]
        else:
            wrong = ["acme-rw", "acme-ro", "acme-wo"] if path in OPERATORS else ["acme-wo"]
        for token in wrong:
            status, answer = ask(method, path, "Bearer " + token, length=1_000_000 if method in ("POST", "PUT") else None)
            assert status == 403, (method, path, token, answer)
    assert server.as_user("root").stats()["uploads"] == 0
