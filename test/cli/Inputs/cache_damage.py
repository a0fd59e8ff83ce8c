"""cache_damage.py AOTC MODULE.wat FOLDER - damages each file of a cache and compiles with it; holds its lock and tries."""
import fcntl
import os
import shutil
import subprocess
import sys

AOTC, SOURCE, FOLDER = sys.argv[1:]
CACHE = f"{FOLDER}/cache"
shutil.rmtree(FOLDER, ignore_errors=True)
os.makedirs(FOLDER)
subprocess.run(["wat2wasm", SOURCE, "-o", f"{FOLDER}/m.wasm"], check=True)


def aotc(*words):
    result = subprocess.run([AOTC, *words, "--cache", CACHE], capture_output=True, text=True, timeout=120)
    return result.returncode, result.stdout, result.stderr


def compile_it():
    """Whether it was cached, and what was said on stderr; always with the same artifact."""
    code, out, said = aotc("compile", f"{FOLDER}/m.wasm", "-o", f"{FOLDER}/m.aotc")
    assert code == 0, (code, out, said)
    with open(f"{FOLDER}/m.aotc", "rb") as file:
        made = file.read()
    assert made == artifact, "another artifact"
    return out.rstrip().endswith("from the cache"), said


artifact = subprocess.run([AOTC, "compile", f"{FOLDER}/m.wasm", "-o", "/dev/stdout"], capture_output=True, check=True).stdout
assert compile_it() == (False, "") and compile_it() == (True, "")
shutil.copytree(CACHE, f"{FOLDER}/good")
files = sorted(name for name in os.listdir(f"{CACHE}/artifacts") if os.path.getsize(f"{CACHE}/artifacts/{name}"))
assert any(name.endswith(".sst") for name in files) and "CURRENT" in files, files
warned = 0
for name in files:
    size = os.path.getsize(f"{CACHE}/artifacts/{name}")
    for at in sorted({0, size // 2, size - 5, size - 45} & set(range(size))):
        shutil.rmtree(CACHE)
        shutil.copytree(f"{FOLDER}/good", CACHE)
        with open(f"{CACHE}/artifacts/{name}", "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x5a]))
        verified = aotc("cache", "verify")
        assert verified[0] in (0, 1), verified
        cached, said = compile_it()
        lines = said.splitlines()
        assert cached or len(lines) <= 1, (name, at, said)
        assert all(line.startswith("aotc: cache ") and line.endswith(("it was damaged; what can be read of it is kept",
                                                                      "damaged, and starts again empty", "and not used",
                                                                      "read, and starts again empty")) for line in lines), said
        warned += len(lines)
        if verified[0] == 0:
            assert cached, (name, at, "verify found nothing")
        else:
            assert verified[2].startswith("aotc: cache "), verified
        assert compile_it() == (True, ""), (name, at)
        assert aotc("cache", "verify")[0] == 0, (name, at)
assert warned >= 5, warned

# A database that RocksDB cannot even open.
for command, expected in ("stats", 1), ("verify", 1), ("prune", 0):
    shutil.rmtree(CACHE)
    shutil.copytree(f"{FOLDER}/good", CACHE)
    with open(f"{CACHE}/artifacts/CURRENT", "w") as file:
        file.write("MANIFEST-none\n")
    code, out, said = aotc("cache", command)
    assert code == expected, (command, code, out, said)
    assert aotc("cache", "clear")[0] == 0 and not os.path.exists(f"{CACHE}/artifacts")

# Whoever mended one was killed.
shutil.copytree(f"{FOLDER}/good/artifacts", f"{CACHE}/artifacts")
open(f"{CACHE}/artifacts/mending", "w").close()
code, out, said = aotc("cache", "verify")
assert code == 1 and said.endswith("it is being mended, or who mended it did not come to the end\n"), (code, out, said)
assert compile_it()[1].endswith("damaged, and starts again empty\n") and compile_it() == (True, "")
assert aotc("cache", "clear")[0] == 0

# Somebody writes for very long.
assert compile_it() == (False, "") and compile_it() == (True, "")
with open(f"{CACHE}/artifacts.lock", "r+") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert compile_it() == (True, ""), "reading needs no lock"
    for command in "prune", "clear":
        code, out, said = aotc("cache", command)
        assert (code, said) == (1, f"aotc: cache {CACHE}: others are writing to it\n"), (command, code, said)
print(len(files), "files,", warned, "warnings")
