"""artifact_patch.py ARTIFACT CODE.c OUT: puts native code into an artifact as somebody would who can write one: over the text of
its functions, with the checksums made right. See victim.go and native.h."""
import os
import re
import struct
import subprocess
import sys
import tempfile

import xxhash

HEADER = 0x400
SECTIONS = HEADER + 8 + 6 * 4 + 8 + 32 * 3 + 8 * 2  # struct aotc_section of metadata, rodata, strings, text
CHECKSUM_SIZE = SECTIONS + 6 * 24 + 12 * 16 + 4 * 4 - HEADER  # of the header before its checksum


def text_section(data):
    at = SECTIONS + 3 * 24
    return (at, *struct.unpack_from("<QQ", data, at))


def functions(data):
    """Name -> (file offset, size), from .symtab."""
    names = {}
    section_at, = struct.unpack_from("<Q", data, 0x28)
    entry, count = struct.unpack_from("<HH", data, 0x3a)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, section_at + i * entry) for i in range(count)]
    for kind, offset, size, link in ((s[1], s[4], s[5], s[6]) for s in sections):
        if kind != 2:  # SHT_SYMTAB
            continue
        for at in range(offset, offset + size, 24):
            name, _, _, _, value, length = struct.unpack_from("<IBBHQQ", data, at)
            start = sections[link][4] + name
            names[data[start:data.index(b"\0", start)].decode()] = (value, length)
    return names


def native_code(source, folder):
    """The bytes, and where its global symbols are in them."""
    script, linked, flat = (os.path.join(folder, name) for name in ("script", "linked", "flat"))
    with open(script, "w") as file:
        file.write("SECTIONS { . = 0; .text : { *(.text*) *(.rodata*) } /DISCARD/ : { *(*) } }")
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-Wno-unused-function", "-ffreestanding", "-fno-builtin", "-fpie", "-fno-stack-protector", "-U_FORTIFY_SOURCE",
                    "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-fno-jump-tables", "-fno-tree-loop-distribute-patterns",
                    "-mgeneral-regs-only", "-mfsgsbase", "-nostdlib", "-static", f"-Wl,-T,{script},--build-id=none,-e,0", source, "-o", linked], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", linked, flat], check=True)
    listing = subprocess.run(["nm", "-g", linked], check=True, stdout=subprocess.PIPE, text=True).stdout
    with open(flat, "rb") as file:
        return bytearray(file.read()), {name: int(at, 16) for at, name in re.findall(r"^([0-9a-f]+) \w (\w+)$", listing, re.MULTILINE)}


def patch(artifact, source, out):
    with open(artifact, "rb") as file:
        data = bytearray(file.read())
    symbols = functions(data)
    with tempfile.TemporaryDirectory() as folder:
        code, places = native_code(source, folder)
    room, size = symbols["main.spare"]
    assert len(code) <= size, f"{len(code)} bytes of code, {size} bytes of room"
    for gate in ("atAccept", "atRequest"):
        at, length = symbols["main." + gate]
        assert 5 <= length <= 128, (gate, length)
        rest = places[gate + "_rest"]
        code[rest:rest + length] = data[at:at + length]
        data[at:at + 5] = b"\xe9" + struct.pack("<i", room + places[gate] - at - 5)
    data[room:room + len(code)] = code
    section, offset, size = text_section(data)
    struct.pack_into("<Q", data, section + 16, xxhash.xxh3_64_intdigest(bytes(data[offset:offset + size])))
    struct.pack_into("<Q", data, HEADER + CHECKSUM_SIZE, xxhash.xxh3_64_intdigest(bytes(data[HEADER:HEADER + CHECKSUM_SIZE])))
    with open(out, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    patch(*sys.argv[1:])
