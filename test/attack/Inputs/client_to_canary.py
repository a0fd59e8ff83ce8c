"""client_to_canary.py FOLDER: the canary is for a cookie, a field and one address in a hundred, and this one is none of them."""
import sys

from harness import check, fresh_folder, talk
from node import node
from versions import version

folder = fresh_folder()
one, two = version(folder, "one"), version(folder, "two")
with open(f"{folder}/key", "w") as file:
    file.write("nobody knows it")
RULES = ["--canary", f"site={two}", "--canary-weight", "site=1", "--canary-header", "site:x-env=canary", "--canary-cookie", "site:env=canary", "--canary-key", f"{folder}/key"]
BEGIN = "GET / HTTP/1.1\r\nHost: x\r\n"


def ask(n, bytes):
    """Status and version of each answer."""
    answer = talk(n.port, bytes.encode("latin-1"))
    return {(int(head.split()[1]), "two" if b"two\n" in head else "one") for head in answer.split(b"HTTP/1.1 ")[1:] for head in [b"HTTP/1.1 " + head]}


addresses = [f"203.0.113.{i}" for i in range(256)] + [f"2001:db8:{i:x}::1" for i in range(256)]
with node([f"site={one}"], *RULES) as n:
    n.wait_log("ready", 1)
    check(ask(n, BEGIN + "X-Env: canary\r\nConnection: close\r\n\r\n") == {(200, "two")}, "the operator's way")
    check(ask(n, BEGIN + "Connection: close\r\n\r\n") == {(200, "one")}, "this address")

    # Whom a client says that he comes from; one of these addresses would have it.
    for field in ("X-Forwarded-For: {}", "Forwarded: for=\"[{}]\"", "X-Real-Ip: {}", "True-Client-Ip: {}"):
        pipelined = "".join(BEGIN + field.format(address) + "\r\n\r\n" for address in addresses)
        check(ask(n, pipelined + BEGIN + "Connection: close\r\n\r\n") == {(200, "one")}, field)

    # What looks like the field or the cookie to some, and to others not; in a body, and behind one.
    for text in ("X-Env: canary2", "X-Env: can\r\n ary", "X-Env:", "X_Env: canary", "X-Env : canary", "X-Env: canary\nX: y", "\0X-Env: canary", "X: y\rX-Env: canary", "X-Env: canary\0",
                 "Connection: x-env\r\nX-Env: canary", "Cookie: env=canary2", "Cookie: Env=canary", "Cookie: a=\"; env=canary2", "Cookie: env==canary", "Cookie: env;canary",
                 "Set-Cookie: env=canary", "Cookie2: env=canary", "Cookie: " + ";" * 500000, "Cookie: " + "env=;" * 150000, "Cookie: " + "a" * 900000, "\r\n".join(f"X-Env: {i}" for i in range(20000))):
        got = ask(n, BEGIN + text + "\r\nConnection: close\r\n\r\n")
        check({version for _, version in got} <= {"one"} and {status for status, _ in got} <= {200, 400, 431}, (text[:40], got))
    for target in ("/?x-env=canary", "http://x/?env=canary", "/X-Env:canary"):
        check(ask(n, BEGIN.replace("/", target, 1) + "Connection: close\r\n\r\n") == {(200, "one")}, target)
    check(ask(n, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20\r\n\r\n\r\nX-Env: canary\r\n\r\n1") == {(200, "one")}, "a body")
    check(ask(n, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Env: canary\r\n\r\n") == {(200, "one")}, "a trailer")
    check(len(n.tenants()) == 2, "nobody has ended")

# A proxy is believed what it says last, not what its client told it before.
with node([f"site={one}"], *RULES, "--trusted-proxies", "127.0.0.1") as n:
    n.wait_log("ready", 1)
    chosen = [address for address in addresses if ask(n, BEGIN + f"X-Forwarded-For: {address}\r\nConnection: close\r\n\r\n") == {(200, "two")}]
    check(0 < len(chosen) < 25, chosen)
    for address in chosen:
        check(ask(n, BEGIN + f"X-Forwarded-For: {address}, 203.0.113.1\r\nConnection: close\r\n\r\n") == {(200, "one")}, address)
sys.exit(0)
