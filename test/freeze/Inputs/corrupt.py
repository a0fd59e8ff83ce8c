"""Writes copies of an artifact whose snapshot says something wrong, each under PREFIX.NAME.

  corrupt.py ARTIFACT PREFIX

Only the header's checksum guards the header; the snapshot's own fields must be checked by whoever follows them.
"""
import struct
import sys

import xxhash

data = open(sys.argv[1], "rb").read()
# struct aotc_header: identity, digest, names, sizes, five sections of 24 bytes, then the snapshot's.
SNAPSHOT = struct.unpack_from("<Q", data, 0x400 + 152 + 5 * 24)[0]
assert data[SNAPSHOT : SNAPSHOT + 7] == b"108SNAP", "the snapshot is where the header says"
MAGIC, SIZE, HEAD, DIGEST, PAGES, CHACHA8 = 0, 8, 16, 24, 60, 80
SPANS = {name: 104 + 16 * i for i, name in enumerate(("globals", "runs", "tables", "elements", "dropped", "hosts", "report", "redrawn", "draws", "sequences"))}
# struct aotc_snapshot_host, of which there is one, and what it kept: struct aotc_wasi_saved.
HOST = struct.unpack_from("<Q", data, SNAPSHOT + SPANS["hosts"])[0]
SAVED = struct.unpack_from("<Q", data, SNAPSHOT + HOST + 32)[0]
SPANS |= {name: SAVED + 24 + 16 * i for i, name in enumerate(("fds", "args", "environ", "dirs", "output", "files", "paths", "secrets"))}

faults = {
    "magic": (MAGIC, "<Q", 1),
    "size": (SIZE, "<Q", 1 << 60),
    "head": (HEAD, "<Q", 1 << 40),
    "digest": (DIGEST, "<Q", 0),
    "pages": (PAGES, "<I", 65537),
    "chacha8": (CHACHA8, "<Q", 0xFFFFFFF0),
    "globals": (SPANS["globals"] + 8, "<I", 1),
}
for name in ("fds", "runs", "output", "report", "elements", "hosts", "redrawn"):
    faults[name] = (SPANS[name], "<Q", 1 << 50)
faults["tables"] = (SPANS["tables"] + 8, "<I", 1)
faults["dropped"] = (SPANS["dropped"] + 8, "<I", 0)
faults["state"] = (HOST + 40, "<I", 1 << 31)
faults["empty"] = (HOST + 40, "<I", 8)
faults["secrets"] = (SPANS["secrets"] + 8, "<I", 1 << 30)
faults["files"] = (SPANS["files"] + 8, "<I", 1 << 30)
faults["args"] = (SPANS["args"] + 8, "<I", 1 << 31)
faults["draws"] = (SPANS["draws"] + 8, "<I", 65)
faults["sequences"] = (SPANS["sequences"] + 8, "<I", 9)
faults["nodes"] = (SAVED + 176, "<Q", 1 << 50)
faults["clock"] = (SAVED + 8, "<Q", 1 << 63)
faults["events"] = (SAVED + 160, "<Q", 9 | 4 << 32)  # of a kind that there is not
faults["events-far"] = (SAVED + 160, "<Q", 1 << 16 | 1 << 32)
faults["events-taken"] = (SAVED + 160, "<Q", 1 | 1 << 32)
faults["nothing"] = (SPANS["dirs"], "<Q", 1 << 60)  # though there is nothing there
for span, name, at, value in (("elements", "entry", 0, 1 << 30), ("secrets", "address", 8, 0xFFFFFFF0), ("redrawn", "range", 0, 0xFFFFFFF0), ("redrawn", "kind", 8, 3)):
    offset, count = struct.unpack_from("<QI", data, SNAPSHOT + SPANS[span])
    if count:
        faults[name] = (offset + at + (SAVED if span == "secrets" else 0), "<I", value)
for name, (offset, form, value) in faults.items():
    copy = bytearray(data)
    struct.pack_into(form, copy, SNAPSHOT + offset, value)
    open(f"{sys.argv[2]}.{name}", "wb").write(copy)
# A module without Go's shape has no loop that could resume it.
copy = bytearray(data)
size = struct.unpack_from("<I", data, 0x400 + 16)[0] - 8
copy[0x400 + 20] &= 0xFE
struct.pack_into("<Q", copy, 0x400 + size, xxhash.xxh3_64_intdigest(bytes(copy[0x400 : 0x400 + size])))
open(f"{sys.argv[2]}.shape", "wb").write(copy)
# Global 0 is the stack pointer.
start = struct.unpack_from("<Q", data, SNAPSHOT + SPANS["globals"])[0]
copy = bytearray(data)
struct.pack_into("<I", copy, SNAPSHOT + start, 0xFFFFFFF0)
open(f"{sys.argv[2]}.sp", "wb").write(copy)
# The first run leads outside memory.
runs = struct.unpack_from("<Q", data, SNAPSHOT + SPANS["runs"])[0]
copy = bytearray(data)
struct.pack_into("<Q", copy, SNAPSHOT + runs, 1 << 40)
open(f"{sys.argv[2]}.run", "wb").write(copy)
