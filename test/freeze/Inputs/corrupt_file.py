"""Writes copies of an artifact whose snapshot says something wrong about its open file: corrupt_file.py ARTIFACT PREFIX"""
import struct
import sys

data = open(sys.argv[1], "rb").read()
snapshot = struct.unpack_from("<Q", data, 0x400 + 152 + 5 * 24)[0]
# struct aotc_snapshot_host, of which there is one, and what it kept: struct aotc_wasi_saved.
host = snapshot + struct.unpack_from("<Q", data, snapshot + 184)[0]
saved = snapshot + struct.unpack_from("<Q", data, host + 32)[0]
file = saved + struct.unpack_from("<Q", data, saved + 24 + 16 * 5)[0]
for name, offset, value in (("number", 0, 1), ("root", 4, 0), ("path", 8, 1 << 20)):
    copy = bytearray(data)
    struct.pack_into("<I", copy, file + offset, value)
    open(f"{sys.argv[2]}.{name}", "wb").write(copy)
