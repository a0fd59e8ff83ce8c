"""Has `aotc validate` look at modules that use what it does not know, byte by byte since no tool at hand writes them all, and prints what it says."""
import os
import subprocess

AOTC = os.environ["AOTC_BIN"] + "/aotc"
HEADER = b"\0asm\1\0\0\0"
NOTHING = "01 04 01 60 00 00"  # type 0: no parameters, no results


def section(number, text):
    body = bytes.fromhex(text)
    return f"{number:02x} {len(body):02x} " + body.hex()


def body(code, locals="00"):
    """A function of type 0."""
    return " ".join([NOTHING, section(3, "01 00"), section(10, "01" + f"{len(bytes.fromhex(locals + code)):02x}" + locals + code)])


MODULES = {
    "exnref result": section(1, "01 60 00 01 69"),
    "exnref parameter": section(1, "01 60 01 69 00"),
    "exnref local": body("0b", "01 01 69"),
    "exnref block": body("02 69 0b 0b"),
    "nullexnref": section(1, "01 60 01 74 00"),
    "try_table": body("1f 40 00 0b 0b"),
    "throw_ref": body("00 0a 0b"),
    "tag": section(1, "01 60 00 00") + section(13, "01 00 00"),
    "ref": section(1, "02 60 00 00 60 01 64 00 00"),
    "ref null table": NOTHING + section(4, "01 63 00 00 01"),
    "ref global": section(6, "01 64 70 00 d2 00 0b"),
    "table with a value": section(4, "01 40 00 70 00 01 d0 70 0b"),
    "call_ref": body("14 00 0b"),
    "table64": section(4, "01 70 04 01"),
    "shared table": section(4, "01 70 03 01 01"),
    "memory64": section(5, "01 04 01"),
    "shared memory": section(5, "01 03 01 01"),
    "custom page size": section(5, "01 08 01 00"),
    "atomic": body("fe 03 00 0b"),
    "anyref": section(1, "01 60 01 6e 00"),
    "i31ref": section(1, "01 60 00 01 6c"),
    "struct": section(1, "01 5f 00"),
    "recursion": section(1, "01 4e 00"),
    "ref.null any": body("d0 6e 1a 0b"),
    "select anyref": body("00 1c 01 6e 1a 0b"),
    "ref.i31": body("41 00 fb 1c 1a 0b"),
    "own global": section(6, "02 7f 00 41 01 0b 7f 00 23 00 0b"),
    "contref": section(1, "01 60 01 68 00"),
    "suspend": body("e2 00 0b"),
    "malformed": section(1, "01 60 01 40 00"),
}
for name, text in {**MODULES, "component": ""}.items():
    with open("module.wasm", "wb") as file:
        file.write(b"\0asm\x0d\0\1\0" if name == "component" else HEADER + bytes.fromhex(text))
    said = subprocess.run([AOTC, "validate", "module.wasm"], capture_output=True, text=True)
    print(f"{name}: " + (said.stdout + said.stderr).strip().replace("aotc: module.wasm: ", ""))
