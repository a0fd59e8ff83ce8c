"""proxies.py BASE PROXY...: the files in packaging/reverse-proxy, with other ports and folders, see ../proxies.test. The artifacts are BASE.site.aotc
and BASE.socket.aotc."""
import contextlib
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import sys

from certificates import Authority
from harness import PATIENCE, check, serving, until
from node import node
from remotes import nginx
from websockets_client import frame, handshake, mask_frame, receive

base, *proxies = sys.argv[1:]
folder = f"{base}.folder"
FILES = os.path.join(os.path.dirname(__file__), "../../../packaging/reverse-proxy")
CLIENT = "127.0.0.2"  # which is not the proxy
LIES = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "6.6.6.6", "X-Forwarded-Proto": "6.6.6.6", "X-Forwarded-Port": "6666", "X-Forwarded-Prefix": "/6.6.6.6",
        "X-Forwarded-User": "6.6.6.6", "X-Real-Ip": "6.6.6.6", "True-Client-Ip": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
shutil.rmtree(folder, ignore_errors=True)
authority = Authority(folder)
CERTIFICATE = f"{folder}/site.pem"
authority.issue(CERTIFICATE, "DNS:a.example")
context = ssl.create_default_context(cafile=authority.root)


def adapted(name, changes):
    """The file with these words replaced, each of which it has; where it is, and what is in it then."""
    with open(f"{FILES}/{name}") as file:
        text = file.read()
    for old, new in changes.items():
        check(old in text, f"{name} has {old}")
        text = text.replace(old, new)
    path = f"{folder}/{name}"
    with open(path, "w") as file:
        file.write(text)
    return path, text


@contextlib.contextmanager
def a_node(passed_on):
    apps = f"{{site: {{artifact: {base}.site.aotc, route: a.example}}, socket: {{artifact: {base}.socket.aotc, route: a.example/gorilla}}}}"
    changes = {"127.0.0.1:9090": "127.0.0.1:0", "apps: {}": f"apps: {apps}"}
    if passed_on:
        changes |= {"127.0.0.1:8443": "127.0.0.1:0", "/etc/ssl/private/site.pem": CERTIFICATE}
    else:
        changes |= {"127.0.0.1:8080": "127.0.0.1:0"}
    with node([], file=adapted("node-tls.yaml" if passed_on else "node.yaml", changes)[0]) as n:
        n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2, "both are ready")
        yield n


@contextlib.contextmanager
def a_proxy(kind, n):
    """Yields its port."""
    passed_on = kind.endswith("-tls")
    changes = {"127.0.0.1:8443" if passed_on else "127.0.0.1:8080": f"127.0.0.1:{n.port}"}
    if not passed_on:
        changes["/etc/ssl/private/site.pem"] = CERTIFICATE
    if kind == "nginx":
        with nginx(folder, adapted("nginx.conf", {**changes, "listen 443 ": "listen 127.0.0.1:PORT "})[1]) as port:
            yield port
        return
    if kind.startswith("haproxy"):
        path, _ = adapted(f"{kind}.cfg", {**changes, "bind :443": "bind 127.0.0.1:${AT}", "port 9090": f"port {n.admin}"})
        command = ["env", "AT=PORT", "haproxy", "-db", "-f", path]
    else:
        if not passed_on:
            changes["port: 9090"] = f"port: {n.admin}"
        path, _ = adapted(f"{kind}.yaml", changes)
        static, _ = adapted("traefik.yaml", {"/etc/traefik/site.yaml": path, "':443'": "127.0.0.1:4443"})
        command = ["sh", "-c", f"sed s/4443/$1/ {static} > {folder}/static.yaml && exec $AOTC_BUILD/traefik/bin/traefik --configFile={folder}/static.yaml", "traefik", "PORT"]
    with open(f"{folder}/{kind}.log", "w") as log, serving(command, stdout=log, stderr=log) as (_, port):
        yield port


def connect(port):
    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(CLIENT, 0))
    return context.wrap_socket(plain, server_hostname="a.example")


def curl(port, path, *options):
    words = ["curl", "-sS", "--interface", CLIENT, "--cacert", authority.root, "--resolve", f"a.example:{port}:127.0.0.1", *options]
    return subprocess.run([*words, f"https://a.example:{port}{path}"], capture_output=True, text=True, timeout=PATIENCE).stdout


def fields(port, *options):
    """What reaches the program of those that say where a request comes from, but the host, which is none of its own."""
    lies = [word for name, value in LIES.items() for word in ("-H", f"{name}: {value}")]
    body = curl(port, "/headers", *lies, *options)
    check("6.6.6.6" not in body and "6666" not in body, f"a client is believed: {body}")
    seen = dict(line.split(": ", 1) for line in body.splitlines() if ": " in line)
    check(f"a.example:{port} HTTP/1.1 0 []" in body, f"the host: {body}")
    return {name: seen.get(name) for name in ("X-Forwarded-For", "X-Forwarded-Proto")}


def until_there(connection, wanted):
    came = b""
    while wanted not in came:
        piece = connection.recv(65536)
        check(piece, f"{wanted} after {came[-200:]}")
        came += piece
    return came


for kind in proxies:
    passed_on = kind.endswith("-tls")
    with a_node(passed_on) as n, a_proxy(kind, n) as port:
        until(lambda: "hello GET" in curl(port, "/hello"), f"a page by {kind}")
        # Who asks, by both versions.
        expected = {"X-Forwarded-For": CLIENT if passed_on else f"{CLIENT}, 127.0.0.1", "X-Forwarded-Proto": "https"}
        for version in ("--http1.1", "--http2"):
            seen = fields(port, version)
            check(seen == expected, f"{kind} {version}: {seen}, not {expected}")
            check(curl(port, "/hello", version, "-o", "/dev/null", "-w", "%{http_version}") == version[6:], f"{kind} speaks {version}")
        # A WebSocket.
        with connect(port) as connection:
            connection.sendall(handshake("/gorilla").replace(b"Host: x", b"Host: a.example"))
            check(until_there(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 101 "), f"{kind}: a tunnel")
            for data in (b"x" * 70_000, b"at once"):
                connection.sendall(mask_frame(data))
                check(receive(connection, len(frame(data))) == frame(data), f"{kind}: an echo")
        # An upload: it has arrived at the program before all of it was sent, and whole in the end.
        body = os.urandom(1 << 20) * 24
        with connect(port) as connection:
            connection.sendall(f"POST /digest HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            connection.sendall(body[:2 << 20])
            n.wait_metric('aotc_instances.*"site"', 1)
            connection.sendall(body[2 << 20:])
            until_there(connection, f"{len(body)} {hashlib.sha256(body).hexdigest()} <nil>".encode())
        # A response that does not end: what there is arrives.
        with connect(port) as connection:
            connection.sendall(b"GET /hold HTTP/1.1\r\nHost: a.example\r\n\r\n")
            until_there(connection, b"0123456789abcdef" * 200)
            check(n.metric('aotc_instances.*"site"') == 1, f"{kind}: it goes on")
        n.kill()  # else it would for --timeout: a proxy that has been left closes its connection as one does who has asked all he wants
        print(f"{kind}: good", flush=True)
