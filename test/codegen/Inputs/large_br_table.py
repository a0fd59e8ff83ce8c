"""Compiles a br_table of many entries for many blocks for each target and tier, and runs it: large_br_table.py AOTC FOLDER ENTRIES BLOCKS [TIER...]"""
import subprocess
import sys

aotc, folder = sys.argv[1:3]
ENTRIES, BLOCKS = map(int, sys.argv[3:5])
TIERS = sys.argv[5:] or ["best"]


def leb(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def section(number, content):
    return bytes([number]) + leb(len(content)) + content


def block_of(index):
    return index * 7919 % BLOCKS if index < ENTRIES else BLOCKS - 1


# What comes after block n, the innermost being 0, returns the last six bits of n.
code = b"\0" + b"\2\x40" * BLOCKS + b"\x20\0\x0e" + leb(ENTRIES) + b"".join(leb(block_of(i)) for i in range(ENTRIES + 1))
code += b"".join(b"\x0b\x41" + leb(n & 63) + b"\x0f" for n in range(BLOCKS)) + b"\0\x0b"
with open(f"{folder}/large.wasm", "wb") as file:
    file.write(b"\0asm\1\0\0\0" + section(1, b"\1\x60\1\x7f\1\x7f") + section(3, b"\1\0") + section(7, b"\1\1f\0\0")
               + section(10, b"\1" + leb(len(code)) + code))
for target in sys.stdin.read().split():
    artifact = f"{folder}/{target}.aotc"
    for tier in TIERS:
        subprocess.run([aotc, "compile", f"{folder}/large.wasm", "--target", target, "--tier", tier, "-o", artifact], check=True, stdout=subprocess.DEVNULL)
        for index in (0, 1, BLOCKS - 1, BLOCKS, ENTRIES * 7 // 9, ENTRIES - 1, ENTRIES, 2**32 - 1):
            result = subprocess.run([aotc, "run", artifact, "--invoke", "f", str(index)], check=True, capture_output=True, text=True).stdout
            assert int(result) == block_of(index) & 63, (target, tier, index, result)
    print(f"{target}: every index leads to its block")
