"""truncated.py AOTC MODULE.wasm: the module cut off at each byte is refused, but where a section ends and all functions that are
declared have a body by then, or none is declared yet."""
import subprocess
import sys

aotc, path = sys.argv[1:]
FUNCTION, CODE = 3, 10
with open(path, "rb") as file:
    module = file.read()


def section_ends():
    """[(offset, ids of the sections so far)], from the end of the header on."""
    at, ids, ends = 8, [], [(8, [])]
    while at < len(module):
        ids, size, shift = [*ids, module[at]], 0, 0
        at += 1
        while True:
            byte = module[at]
            size, shift, at = size | (byte & 0x7F) << shift, shift + 7, at + 1
            if byte < 0x80:
                break
        at += size
        ends.append((at, ids))
    return ends


whole = {end for end, ids in section_ends() if (FUNCTION in ids) == (CODE in ids)}
assert len(module) in whole and 2 < len(whole) < len(section_ends()), whole
for size in range(len(module)):
    with open(path + ".cut", "wb") as file:
        file.write(module[:size])
    done = subprocess.run([aotc, "validate", path + ".cut"], capture_output=True, text=True)
    said = done.stdout + done.stderr
    if size in whole:
        assert done.returncode == 0, (size, done)
    else:
        assert done.returncode == 1 and f"aotc: {path}.cut: " in said, (size, done)
