"""damage.py AOTC ARTIFACT: overwrites each word of the header with hostile values, repairs the checksum, and runs inspect."""
import struct
import subprocess
import sys

import header

program, path = sys.argv[1:]
original = open(path, "rb").read()
checksum = header.checksum_offset(original)
runs = refused = crashes = stale = 0
for offset in range(16, checksum, 8):
    for value in (0, 1, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFF8, len(original) - 8, 0x7FFFFFFF00000000):
        damaged = bytearray(original)
        struct.pack_into("<Q", damaged, header.START + offset, value)
        header.repair_checksum(damaged, checksum)
        open(path + ".damaged", "wb").write(damaged)
        done = subprocess.run([program, "inspect", path + ".damaged", "--functions", "--verify"], capture_output=True)
        runs += 1
        refused += done.returncode == 1
        stale += b"header checksum" in done.stderr
        if done.returncode not in (0, 1):
            crashes += 1
            print(f"header offset {offset:#x} value {value:#x}: exit code {done.returncode}")
print(f"{runs} damaged headers, {refused} refused, {stale} only for their checksum, {crashes} crashes")
