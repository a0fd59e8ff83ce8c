"""forwarded.py ARTIFACT"""
import socket
import sys

from harness import PATIENCE, check, read_all
from node import node

OURS = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1;proto=http", "X-Forwarded-Proto": "http"}
LIES = {"x-forwarded-for": "6.6.6.6", "X-Forwarded-Host": "bank.example", "X-Forwarded-Proto": "https", "FORWARDED": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6", "True-Client-Ip": "6.6.6.6"}


def shown(n, fields, more=b"", host="127.0.0.1"):
    """The fields that reach the program, of those that say where a request comes from."""
    head = b"".join(f"{name}: {value}\r\n".encode() for name, value in fields)
    with socket.create_connection((host, n.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /headers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + more + b"\r\n")
        body = read_all(connection).decode().replace("\r", "")
    seen = dict(line.split(": ", 1) for line in body.splitlines() if ": " in line)
    return {name: seen[name] for name in seen if name.startswith(("X-F", "Forw", "X-R", "True"))}


def remote_address(n, host="127.0.0.1"):
    """What the program takes for its client, twice, and who that is."""
    with socket.create_connection((host, n.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /peer HTTP/1.0\r\n\r\n")
        ip, port = connection.getsockname()[:2]
        expected = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
        return read_all(connection).decode().rpartition("\n")[2], f"{expected} {expected}"


with node([f"site={sys.argv[1]}"], "--compare-sample", "1/1") as n:
    for _ in range(3):
        seen, expected = remote_address(n)
        check(seen == expected, f"RemoteAddr {seen}, not {expected}")
    check(n.metric("aotc_reset_differences_total") == 0, "nothing of it is left")
    check(shown(n, []) == OURS, "nothing said")
    check(shown(n, LIES.items()) == OURS, f"lies: {shown(n, LIES.items())}")
    check(shown(n, [], b"Connection: X-Forwarded-For, Forwarded\r\n") == OURS, "named for this hop")
    check(shown(n, [("X-Free", "1")]) == {**OURS, "X-Free": "1"}, "another field")

with node([f"site={sys.argv[1]}"], "--trusted-proxies", "10.0.0.0/8", "--trusted-proxies", "127.0.0.1") as n:
    check(shown(n, []) == OURS, "a proxy that says nothing")
    told = shown(n, [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"), ("X-Real-Ip", "1.2.3.4"), ("x-forwarded-for", "10.1.1.1")])
    check(told == {"X-Forwarded-For": "1.2.3.4, 10.1.1.1, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Real-Ip": "1.2.3.4"}, f"{told}")
    told = shown(n, [("Forwarded", "for=1.2.3.4;host=a")])
    check(told == {"Forwarded": "for=1.2.3.4;host=a, for=127.0.0.1;proto=http", "X-Forwarded-Proto": "http"}, f"{told}")

with node([f"site={sys.argv[1]}"], "--listen", "[::1]:0") as n:
    seen, expected = remote_address(n, "::1")
    check(seen == expected, f"RemoteAddr {seen}, not {expected}")
    told = shown(n, [], host="::1")
    check(told == {"X-Forwarded-For": "::1", "Forwarded": 'for="[::1]";proto=http', "X-Forwarded-Proto": "http"}, f"{told}")
