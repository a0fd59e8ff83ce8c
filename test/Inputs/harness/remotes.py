"""Servers through which caches are shared, each on a free port of loopback, and machines that share them.

    team = Key(folder, "team")
    with redis(folder) as port:
        first = Machine(folder, "first", f"redis://127.0.0.1:{port}", "--cache-sign", team.secret)
        first.compile(module)
"""
import contextlib
import json
import os
import socket
import subprocess

from harness import AOTC, check, serving, until


class Key:
    def __init__(self, folder, name):
        subprocess.run([AOTC, "keygen", f"{folder}/{name}"], check=True, stdout=subprocess.DEVNULL)
        self.secret, self.public = f"{folder}/{name}.key", f"{folder}/{name}.pub"


class Machine:
    """Its own folder of what was compiled before, and a remote."""

    def __init__(self, folder, name, url, *options, token=None, authority=None, wait="60s"):
        self.output, self.cache = f"{folder}/{name}.aotc", f"{folder}/{name}.cache"
        self.words = ["--cache", self.cache, "--cache-remote", url, "--cache-wait", wait, *options]
        self.environment = dict(os.environ)
        if token:
            self.environment["AOTC_CACHE_TOKEN"] = token
        if authority:
            self.environment["SSL_CERT_FILE"] = authority
        self.said = ""

    def compile(self, module, *options):
        """What --json says of the remote, None if it was not asked, of a compilation that succeeds; `said` is what it said on stderr."""
        result = subprocess.run([AOTC, "compile", module, "-o", self.output, "--json", "--tier", "quick", "--snapshot", "off", *self.words, *options],
                                env=self.environment, capture_output=True, text=True, timeout=120)
        check(result.returncode == 0, result)
        self.said = result.stderr
        return json.loads(result.stdout)[0].get("remote")

    def artifact(self):
        with open(self.output, "rb") as file:
            return file.read()


def counts(asked=0, hits=0, rejected=0, sent=0, left_out=0):
    return {"asked": asked, "hits": hits, "rejected": rejected, "sent": sent, "left_out": left_out}


def many_functions(folder, count):
    """A module of so many functions that differ."""
    functions = "".join(f"(func (export \"f{n}\") (param i32) (result i32) (i32.xor (i32.mul (local.get 0) (i32.const {n})) (i32.const {n * n})))\n"
                        for n in range(count))
    with open(f"{folder}/many.wat", "w") as file:
        file.write(f"(module {functions})")
    subprocess.run(["wat2wasm", f"{folder}/many.wat", "-o", f"{folder}/many.wasm"], check=True)
    return f"{folder}/many.wasm"


def compiled_without(module, folder):
    """The artifact as it is without any cache."""
    subprocess.run([AOTC, "compile", module, "-o", f"{folder}/without.aotc", "--tier", "quick", "--snapshot", "off", "--cache", "off"], check=True,
                   stdout=subprocess.DEVNULL)
    with open(f"{folder}/without.aotc", "rb") as file:
        return file.read()


@contextlib.contextmanager
def redis(folder, *options, name="redis", certificate=None):
    """`certificate`: what Authority.issue() returns. Yields its port."""
    os.makedirs(f"{folder}/{name}", exist_ok=True)
    listen = ["--port", "PORT"]
    if certificate:
        listen = ["--port", "0", "--tls-port", "PORT", "--tls-cert-file", certificate[1], "--tls-key-file", certificate[3], "--tls-auth-clients", "no",
                  "--tls-ca-cert-file", certificate[1]]
    command = ["redis-server", *listen, "--bind", "127.0.0.1", "--save", "", "--dir", f"{folder}/{name}", *options]
    with serving(command, stdout=subprocess.DEVNULL) as (_, chosen):
        yield chosen


def ask_redis(port, *words):
    return subprocess.run(["redis-cli", "-p", str(port), *words], check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def redis_cluster(folder):
    """Three nodes, each with a third of the slots; yields their ports."""
    with contextlib.ExitStack() as stack:
        ports, buses = [], []
        for n in range(3):
            with socket.create_server(("127.0.0.1", 0)) as free:
                buses.append(free.getsockname()[1])
            ports.append(stack.enter_context(redis(folder, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", str(buses[n]),
                                                   name=f"redis-{n}")))
        for n, port in enumerate(ports):
            ask_redis(port, "cluster", "addslotsrange", str(16384 * n // 3), str(16384 * (n + 1) // 3 - 1))
            ask_redis(port, "cluster", "set-config-epoch", str(n + 1))
        for port in ports[1:]:
            ask_redis(port, "cluster", "meet", "127.0.0.1", str(ports[0]), str(buses[0]))
        for port in ports:
            until(lambda: "cluster_state:ok" in ask_redis(port, "cluster", "info"), "a cluster")
        yield ports


@contextlib.contextmanager
def nginx(folder, http):
    """`http` is put into what its configuration has of HTTP, with PORT in it for the one that it yields. One process."""
    os.makedirs(f"{folder}/nginx", exist_ok=True)
    paths = "".join(f"{kind}_temp_path {folder}/nginx/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(f"{folder}/nginx/template", "w") as file:
        file.write(f"""daemon off; master_process off; pid {folder}/nginx/pid; error_log {folder}/nginx/errors;
events {{}}
http {{ log_format kinds "$request_method $status $server_protocol"; access_log {folder}/nginx/log kinds; {paths}
{http}
}}
""")
    command = ["sh", "-c", f"sed s/P[O]RT/$1/ {folder}/nginx/template > {folder}/nginx/conf && exec nginx -c {folder}/nginx/conf -e {folder}/nginx/errors",
               "nginx", "PORT"]
    with serving(command) as (_, port):
        yield port


@contextlib.contextmanager
def webdav(folder, certificate=None, more=""):
    """nginx that takes PUT and GET of files; with a certificate it speaks HTTP/2. `more` is put into its configuration of /. Yields its port."""
    tls = f"ssl_certificate {certificate[1]}; ssl_certificate_key {certificate[3]};" if certificate else ""
    with nginx(folder, f"""server {{ listen 127.0.0.1:PORT {"ssl http2" if certificate else ""}; {tls} root {folder}/nginx/files; client_max_body_size 64m;
    location / {{ dav_methods PUT; create_full_put_path on; {more} }} }}""") as port:
        yield port


@contextlib.contextmanager
def proxy(folder, ports):
    """nginx in front of servers, as cache-server/OPERATING.md has it. Yields its "host:port"."""
    with nginx(folder, f"""upstream fleet {{ hash $http_aotc_module consistent; {" ".join(f"server 127.0.0.1:{port};" for port in ports)} }}
  server {{ listen 127.0.0.1:PORT; client_max_body_size 0;
    location / {{ proxy_pass http://fleet; proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_request_buffering off; proxy_buffering off;
      proxy_next_upstream error timeout http_404; }} }}""") as port:
        yield f"127.0.0.1:{port}"
