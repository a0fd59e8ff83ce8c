# TLS: 1.2 and 1.3 and nothing older; every kind of answer; HTTP to the same port hears what is wrong, garbage is cut off;
# SIGHUP reads the certificate again, and keeps the old one when the new one is no good.
# RUN: %python %s %t
import hashlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

from harness import BIN, Authority, Server, different, fresh_folder, hello_wasm

folder = fresh_folder()
authority = Authority(folder)
options = authority.issue("server")
certificate, key = options[1], options[3]


def context(**versions):
    made = ssl.create_default_context(cafile=authority.file)
    made.set_ciphers("ALL:@SECLEVEL=0")  # so that the client would speak what is old
    for name, version in versions.items():
        setattr(made, name, version)
    return made


def served_serial(server):
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        with context().wrap_socket(plain, server_hostname="localhost") as connection:
            return connection.getpeercert()["serialNumber"]


def hang_up(server, logged):
    """SIGHUP; returns when the log holds `logged` or, without it, when another certificate is served."""
    before = served_serial(server)
    server.process.send_signal(signal.SIGHUP)
    while not (logged in open(server.log).read() if logged else served_serial(server) != before):
        time.sleep(0.02)


with Server(folder, *options, "--header-timeout", "0.5s", "--max-upload", "1M") as server:
    server.tls = context()
    wasm = different(hello_wasm(folder), "a") + b"\x00\xc5\x9a\x0c\x04note" + os.urandom(200000)
    status, job = server.upload(wasm, "?tier=quick&target=host&name=hello")
    assert status == 202, job
    job = server.wait(job["id"])
    events = server.get(f"/v1/jobs/{job['id']}", {"Accept": "text/event-stream"})
    assert b"event: end\n" in events and job["state"] == "done", (job, events)
    assert server.get("/v2/hello/blobs/sha256:" + hashlib.sha256(wasm).hexdigest()) == wasm
    assert server.request("POST", "/v1/compile", b"x" * (2 << 20))[0] == 413
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        server.tls = context(minimum_version=version, maximum_version=version)
        assert server.get("/healthz") == b"ok\n"
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        server.tls = context(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=version)
        try:
            server.get("/healthz")
            raise AssertionError(f"{version} is spoken")
        except (ssl.SSLError, ConnectionError):
            pass
    server.tls = context()

    answer = server.talk(b"GET /healthz HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ") and b"https://" in answer, answer
    server.talk(b"\x16\x03\x01\xff\xff" + os.urandom(3000))  # looks like a handshake
    assert server.talk(b"\x16\x03\x01") == b""  # and goes no further: closed when its time is over
    assert server.talk(b"") == b""
    assert server.get("/healthz") == b"ok\n"

    old = served_serial(server)
    shutil.copy(key, f"{folder}/old.key")
    authority.issue("server")
    hang_up(server, None)
    new = served_serial(server)
    assert new != old
    shutil.copy(f"{folder}/old.key", key)
    hang_up(server, "the certificate stays as it was")
    assert served_serial(server) == new and server.get("/healthz") == b"ok\n"
    assert server.stats()["server_errors"] == 0

stranger = Authority(folder, "stranger").issue("stranger-server")
for bad, reason in ((["--tls-cert", certificate], "--tls-key"), (["--tls-key", key], "--tls-cert"),
                    (["--tls-cert", f"{folder}/none", "--tls-key", key], f"{folder}/none: "),
                    (["--tls-cert", certificate, "--tls-key", stranger[3]], f"{stranger[3]}: ")):
    result = subprocess.run([os.path.join(BIN, "aotc-server"), "--data", f"{folder}/other", *bad], capture_output=True, text=True)
    assert result.returncode in (1, 2) and reason in result.stderr, (bad, result)
