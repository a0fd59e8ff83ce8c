"""Writes copies of an artifact whose snapshot says something wrong about its open file: corrupt_file.py ARTIFACT PREFIX"""
import struct
import sys

data = open(sys.argv[1], "rb").read()
snapshot = struct.unpack_from("<Q", data, 0x400 + 152 + 5 * 24)[0]
file = snapshot + struct.unpack_from("<Q", data, snapshot + 112 + 16 * 8)[0]
for name, offset, value in (("number", 0, 1), ("root", 4, 0), ("path", 8, 1 << 20)):
    copy = bytearray(data)
    struct.pack_into("<I", copy, file + offset, value)
    open(f"{sys.argv[2]}.{name}", "wb").write(copy)
