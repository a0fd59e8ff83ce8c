"""directories.py ARTIFACT ARTIFACT-FOR-AARCH64 ONE-WITH-A-LARGE-FILE"""
import os
import struct
import subprocess
import sys
import tempfile

from harness import BIN, check, serving
from node import get, node

WROTE = b"""kept, and changed
<nil> 6
<nil> <nil>
[/tmp /tmp/cache /tmp/moved /tmp/moved/kept]
"""
SITE = b"""[/site /site/page.html /site/static /site/static/a.css /site/static/sub /site/static/sub/b.txt /site/static/sub/link.css]
open /site/new: Read-only file system
open /site/page.html: Read-only file system
truncate /site/page.html: Read-only file system
remove /site/page.html: Read-only file system
mkdir /site/dir: Read-only file system
rename /site/page.html /site/other.html: Read-only file system
rename /site/page.html /tmp/page.html: Read-only file system
1700000000
"""


def reads(port):
    for path in ("/static/a.css", "/static/sub/link.css"):
        check(get(port, path) == (200, b"body { color: red }\n"), path)
    check(get(port, "/static/sub/b.txt") == (200, b"deep\n"), "a file further down")
    check(get(port, "/static/lost")[0] == get(port, "/static/outside")[0] == 404, "links that lead nowhere, or outside")
    check(get(port, "/page?name=you%3C") == (200, b"Hello, you&lt;!\n"), "a template")
    check(get(port, "/site") == (200, SITE), get(port, "/site")[1])


with node([f"site={sys.argv[1]}"], "--workers", "1") as n:
    for _ in range(3):
        reads(n.port)
        check(get(n.port, "/open") == (200, b'body "d }\\n" <nil>\n'), get(n.port, "/open")[1])
        check(get(n.port, "/write") == (200, WROTE), get(n.port, "/write")[1])

with node([f"site={sys.argv[3]}"]) as n:
    code, large = get(n.port, "/static/large")
    check((code, len(large), large.strip(b"\0")) == (200, 33_000_000, b""), f"a large file: {code}, {len(large)} bytes")

# The program serves all requests there.
for artifact in sys.argv[1:3]:
    with serving([f"{BIN}/aotc", "run", artifact, "--tcplisten", "127.0.0.1:PORT"]) as (_, port):
        reads(port)
        check(get(port, "/write") == (200, WROTE), "through aotc run")
with tempfile.TemporaryDirectory() as site:
    os.mkdir(f"{site}/static")
    for name, text in (("a.css", "body { color: red }\n"), ("b.css", "new")):
        with open(f"{site}/static/{name}", "w") as file:
            file.write(text)
    with serving([f"{BIN}/aotc", "run", sys.argv[1], "--tcplisten", "127.0.0.1:PORT", "--dir", f"{site}::/site:ro"]) as (_, port):
        check(get(port, "/static/b.css") == (200, b"new"), "a directory of the host")

# What the snapshot says of names is not believed: those of /site come first, those of /tmp last, 40 bytes each.
with open(sys.argv[1], "rb") as file:
    data = file.read()
SNAPSHOT = struct.unpack_from("<Q", data, 0x400 + 152 + 5 * 24)[0]
HOST = SNAPSHOT + struct.unpack_from("<Q", data, SNAPSHOT + 104 + 16 * 5)[0]
SAVED = SNAPSHOT + struct.unpack_from("<Q", data, HOST + 32)[0]
NODES, COUNT = struct.unpack_from("<QI", data, SAVED + 176)
NAMES = SAVED + struct.unpack_from("<Q", data, SAVED + 192)[0]
for first in (0, COUNT - 3):
    at = SAVED + NODES + 40 * first
    for name, place, form, value in (("parent", at + 40 + 4, "<I", COUNT), ("itself", at + 4, "<I", first), ("name", at + 8, "<I", 1 << 30),
                                     ("content", at + 24, "<Q", 1 << 40), ("size", at + 32, "<Q", 1 << 40),
                                     ("slash", NAMES + struct.unpack_from("<I", data, at + 8)[0], "<B", ord("/"))):
        copy = bytearray(data)
        struct.pack_into(form, copy, place, value)
        with open(f"{sys.argv[1]}.bad", "wb") as file:
            file.write(copy)
        result = subprocess.run([f"{BIN}/aotc-exec", f"{sys.argv[1]}.bad", "--tcplisten", "127.0.0.1:0", "--timeout", "20s"], capture_output=True, text=True)
        wanted = "the directories of its snapshot: corrupted" if first == 0 else "corrupted: snapshot: directories"
        check(result.returncode != 0 and wanted in result.stderr, f"{first}, {name}: {result}")
