"""damage.py AOTC ARTIFACT: overwrites each word of the header with hostile values, repairs the checksum, and runs inspect."""
import struct
import subprocess
import sys

import xxhash


HEADER, CHECKSUM = 0x400, 0x1E0
program, path = sys.argv[1:]
original = open(path, "rb").read()
runs = refused = crashes = 0
for offset in range(16, CHECKSUM, 8):
    for value in (0, 1, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFF8, len(original) - 8, 0x7FFFFFFF00000000):
        damaged = bytearray(original)
        struct.pack_into("<Q", damaged, HEADER + offset, value)
        struct.pack_into("<Q", damaged, HEADER + CHECKSUM, xxhash.xxh3_64_intdigest(bytes(damaged[HEADER : HEADER + CHECKSUM])))
        open(path + ".damaged", "wb").write(damaged)
        done = subprocess.run([program, "inspect", path + ".damaged", "--functions", "--verify"], capture_output=True)
        runs += 1
        refused += done.returncode == 1
        if done.returncode not in (0, 1):
            crashes += 1
            print(f"header offset {offset:#x} value {value:#x}: exit code {done.returncode}")
print(f"{runs} damaged headers, {refused} refused, {crashes} crashes")
