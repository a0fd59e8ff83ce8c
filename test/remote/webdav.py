# What one machine compiles another takes from a folder of nginx's, to the same bytes: by HTTP, by HTTP/2 with TLS, with a
# password and with a token, which nobody hears of; and a server that takes nothing.
# RUN: %python %s %t
# REQUIRES: nginx
import os
import subprocess

from harness import AOTC, Authority, fresh_folder
from remotes import Key, Machine, compiled_without, counts, many_functions, webdav

folder = fresh_folder()
team = Key(folder, "team")
write, read = ("--cache-sign", team.secret), ("--cache-trust", team.public)
module = many_functions(folder, 300)
expected = compiled_without(module, folder)
authority = Authority(folder)


def log():
    with open(f"{folder}/nginx/log") as file:
        return file.read().splitlines()


def share(name, url, protocol, **how):
    with open(f"{folder}/nginx/log", "w"):
        pass
    first, second = Machine(folder, name + "-1", url, *write, **how), Machine(folder, name + "-2", url, *read, **how)
    made = first.compile(module)
    functions = made["asked"]
    assert functions > 300 and made == counts(asked=functions, sent=functions) and first.said == "", (name, made, first.said)
    taken = second.compile(module)
    assert taken == counts(asked=functions, hits=functions) and second.said == "", (name, taken, second.said)
    assert first.artifact() == second.artifact() == expected, name
    assert sorted(set(log())) == [f"GET 200 {protocol}", f"GET 404 {protocol}", f"PUT 201 {protocol}"], set(log())


def refused(url, what, **how):
    machine = Machine(folder, "refused", url, *write, **how)
    assert machine.compile(module)["sent"] == 0 and machine.artifact() == expected
    assert machine.said.count("\n") == 1 and what in machine.said and "secret" not in machine.said, machine.said
    subprocess.run(["rm", "-r", machine.cache], check=True)


with webdav(folder) as port:
    share("plain", f"http://127.0.0.1:{port}/cache/", "HTTP/1.1")
    stats = subprocess.run([AOTC, "cache", "stats", "--cache", f"{folder}/none", "--cache-remote", f"http://127.0.0.1:{port}/cache/"], capture_output=True, text=True, check=True)
    assert stats.stdout.splitlines()[-2:] == [f"http://127.0.0.1:{port}/cache", "answers; how much it holds it cannot be asked"], stats
    names = [name for _, _, files in os.walk(f"{folder}/nginx/files/cache/aotc/f1") for name in files]
    assert len(names) > 300 and {len(name) for name in names} == {30}, names[:3]

with webdav(folder, certificate=authority.issue("nginx")) as port:
    share("tls", f"https://localhost:{port}", "HTTP/2.0", authority=authority.file)
    refused(f"https://localhost:{port}", "certificate", authority=Authority(folder, "another").file)
    refused(f"http://localhost:{port}", "", authority=authority.file)

hashed = subprocess.run(["openssl", "passwd", "-6", "top secret"], capture_output=True, text=True, check=True).stdout
with open(f"{folder}/passwords", "w") as file:
    file.write(f"me:{hashed}")
with webdav(folder, more=f"auth_basic x; auth_basic_user_file {folder}/passwords;") as port:
    share("password", f"http://me:top%20secret@127.0.0.1:{port}/p", "HTTP/1.1")
    refused(f"http://me:secret@127.0.0.1:{port}/p", "it refuses the password: HTTP 401")
    refused(f"http://127.0.0.1:{port}/p", "it refuses the password: HTTP 401")
with webdav(folder, more='if ($http_authorization != "Bearer top-secret") { return 401; }') as port:
    share("token", f"http://127.0.0.1:{port}/t", "HTTP/1.1", token="top-secret")
    refused(f"http://127.0.0.1:{port}/t", "it refuses the password: HTTP 401", token="another-secret")
with webdav(folder, more="limit_except GET { deny all; }") as port:
    refused(f"http://127.0.0.1:{port}/r", "functions could not be kept there")
with webdav(folder, more="return 302 http://127.0.0.1:1/;") as port:
    refused(f"http://127.0.0.1:{port}/", "it answers HTTP 302; going on without")
