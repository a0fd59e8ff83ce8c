"""change_fields.py AOTC ARTIFACT: changes one field at a time, repairs the checksum, and compares what inspect says."""
import struct
import subprocess
import sys

import header

program, path = sys.argv[1:]
original = open(path, "rb").read()
checksum = header.checksum_offset(original)


def field(name, value):
    return lambda artifact: header.put(artifact, name, value)


def element(span, size, index, kind, value):
    """Changes the bytes at `index` of the first element of a span of elements of `size` bytes."""
    assert header.get(original, span + ".count") > 0 and index < size
    return lambda artifact: struct.pack_into("<" + kind, artifact, header.get(original, span + ".offset") + index, value)


def byte(at, value):
    return lambda artifact: struct.pack_into("<B", artifact, at, value)


def snapshot(size, **words):
    """A snapshot of `size` bytes at the start of the text, whose head says what `words` say."""
    def change(artifact):
        start = header.get(original, "text.offset")
        header.put(artifact, "snapshot.offset", start)
        header.put(artifact, "snapshot.size", size)
        values = {0: header.SNAPSHOT_MAGIC, 8: size, 16: size} | {int(at[1:]): value for at, value in words.items()}
        for at, value in values.items():
            if at < size:
                struct.pack_into("<Q", artifact, start + at, value)
    return change


CASES = [
    (byte(1, 0), "not an artifact (no ELF header)"),
    (byte(18, 183), "the ELF header is for another architecture than the artifact's"),
    (field("format_version", 99), "format version 99, but this aotc reads version "),
    (field("header_size", 99), "header of 99 bytes, expected "),
    (field("architecture", 3), "unknown architecture 3"),
    (field("compiler_version", b"x" * 32), "a name in the header is not terminated"),
    (field("cpu", b"x" * 32), "a name in the header is not terminated"),
    (field("tier", 7), "unknown tier 7"),
    (field("load_size", len(original) + 1), "mapped size is larger than the file"),
    (field("rodata.offset", len(original) + 1), "section rodata lies outside the file"),
    (field("types.offset", 4), "types: offset 0x4 is not aligned"),
    (field("exports.count", 0xFFFFFFF), "exports: 268435455 entries at "),
    (field("exports.count", 0xFFFFFFF), " lie outside the metadata"),
    (field("strings.size", 0), "the strings do not start and end with NUL"),
    (element("types", 8, 0, "I", 9999), "type 0: lies outside the type bytes"),
    (element("type_bytes", 1, 0, "B", 0x33), ": unknown value type 0x33"),
    (element("imports", 16, 4, "I", 0xFFFFFFF), "import 0: name at 0xfffffff lies outside the strings"),
    (element("imports", 16, 8, "I", 99), "import 0: type 99 of "),
    (element("exports", 20, 0, "I", 0xFFFFFFF), "export 0: name at 0xfffffff lies outside the strings"),
    (element("exports", 20, 4, "I", 9), "export 0: unknown kind 9"),
    (lambda artifact: (element("exports", 20, 4, "I", 0)(artifact), element("exports", 20, 12, "I", 99)(artifact)), "export 0: type 99 of "),
    (lambda artifact: (element("exports", 20, 4, "I", 0)(artifact), element("exports", 20, 12, "I", 0)(artifact),
                       element("exports", 20, 16, "I", 0xFFFFFFF)(artifact)), "export 0: thunk lies outside the text"),
    (element("functions", 16, 4, "I", 0xFFFFFFF), "function 0: code lies outside the text"),
    (element("functions", 16, 12, "I", 0xFFFFFFF), "function 0: name at 0xfffffff lies outside the strings"),
    (snapshot(8), "snapshot: too short for its head"),
    (snapshot(512, _0=0), "snapshot: its head is corrupted"),
    (snapshot(512, _8=1), "snapshot: its head is corrupted"),
    (snapshot(512, _200=1 << 40), "snapshot: the report lies outside its head"),
]
failures = 0
for number, (change, message) in enumerate(CASES):
    changed = bytearray(original)
    change(changed)
    header.repair_checksum(changed, checksum)
    open(path + ".changed", "wb").write(changed)
    done = subprocess.run([program, "inspect", path + ".changed"], capture_output=True, text=True)
    if done.returncode != 1 or message not in done.stderr:
        failures += 1
        print(f"case {number}: exit code {done.returncode}, {done.stderr.strip()!r}, expected {message!r}")
changed = bytearray(original)
changed[header.START + 40] ^= 1
header.repair_checksum(changed, checksum)
changed[header.START + 40] ^= 1
open(path + ".changed", "wb").write(changed)
done = subprocess.run([program, "inspect", path + ".changed"], capture_output=True, text=True)
if "header checksum is " not in done.stderr or done.returncode != 1:
    failures += 1
    print(f"checksum: {done.stderr!r}")
sys.exit(failures != 0)
