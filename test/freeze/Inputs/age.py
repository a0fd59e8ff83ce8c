"""An artifact as if its snapshot had been made SECONDS ago; its checksums are right.

  age.py ARTIFACT OUT SECONDS
"""
import struct
import sys
import time

import xxhash


def age(artifact, out, seconds):
    data = bytearray(open(artifact, "rb").read())
    # struct aotc_header: identity, digest, names, sizes, five sections of 24 bytes, then the snapshot's.
    section, header_size = 0x400 + 152 + 5 * 24, struct.unpack_from("<I", data, 0x400 + 16)[0]
    start, size = struct.unpack_from("<QQ", data, section)
    assert data[start + 3 : start + 7] == b"SNAP", "the snapshot is where the header says"
    struct.pack_into("<Q", data, start + 72, (time.time_ns() - int(seconds * 10**9)) % 2**64)
    struct.pack_into("<Q", data, section + 16, xxhash.xxh3_64_intdigest(bytes(data[start : start + size])))
    struct.pack_into("<Q", data, 0x400 + header_size - 8, xxhash.xxh3_64_intdigest(bytes(data[0x400 : 0x400 + header_size - 8])))
    open(out, "wb").write(data)


if __name__ == "__main__":
    age(sys.argv[1], sys.argv[2], float(sys.argv[3]))
