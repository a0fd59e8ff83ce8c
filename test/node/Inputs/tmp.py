"""tmp.py ARTIFACT"""
import subprocess
import sys

from harness import BIN, check, serving, talk
from node import get, node

artifact = sys.argv[1]
APP = [f"site={artifact}"], "--workers", "1", "--deadline", "20s", "--max-memory", "512M"
FILES = b"found [/tmp]\ntwo three, 13 bytes, 2 names\ntrue\n"


LARGE = 40_000_000


def upload(port):
    form = b'--xxx\r\nContent-Disposition: form-data; name="f"; filename="large"\r\n\r\n' + bytes(LARGE) + b"\r\n--xxx--\r\n"
    answer = talk(port, b"POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=xxx\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(form) + form)
    return answer.splitlines()[-1]


with node(*APP) as n:
    for _ in range(3):
        check(get(n.port, "/files") == (200, FILES), "what package os does")
    check(upload(n.port) == f"large {LARGE} {LARGE} <nil> 2".encode(), "a large file of a form")
    check(get(n.port, "/files") == (200, FILES), "the next request")
    check(get(n.port, "/fill?n=60000000") == (200, b"<nil>\n"), "as much as fits")
    status, body = get(n.port, "/fill?n=70000000")
    check(status == 200 and b"No space left" in body, f"{body}: more than that")

with node(*APP, "--tmp-size", "0") as n:
    status, body = get(n.port, "/fill?n=1")
    check(status == 200 and b"No space left" in body, f"{body}: none at all")

# The program serves all requests there, so that files stay.
with serving([f"{BIN}/aotc", "run", artifact, "--tcplisten", "127.0.0.1:PORT"]) as (_, port):
    check(get(port, "/files")[1].startswith(b"found [/tmp]\ntwo three"), "through aotc run")
    check(upload(port) == f"large {LARGE} {LARGE} <nil> 3".encode(), "a large file of a form")

result = subprocess.run([f"{BIN}/aotc", "compile", f"{artifact}.wasm", "--tier", "quick", "--snapshot", "required", "--arg", "left", "--arg", "large", "-o", f"{artifact}.left"],
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
check(result.returncode != 0 and "it has left too much in /tmp: more than 32 MiB" in result.stdout, result)
