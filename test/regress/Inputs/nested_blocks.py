"""nested_blocks.py N FILE: a module whose export f adds 1 to its argument from inside N nested blocks, left by one branch each way."""
import sys


def leb128(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def section(number, content):
    return bytes([number]) + leb128(len(content)) + content


n = int(sys.argv[1])
argument = b"\x20\0"
body = (b"\0" + b"\x02\x40" * n + argument + b"\x0d" + leb128(n - 1) + argument + b"\x0d\x09" + b"\x0b" * n
        + argument + b"\x41\1\x6a\x0b")
with open(sys.argv[2], "wb") as file:
    file.write(b"\0asm\1\0\0\0" + section(1, b"\1\x60\1\x7f\1\x7f") + section(3, b"\1\0") + section(7, b"\1\1f\0\0")
               + section(10, b"\1" + leb128(len(body)) + body))
