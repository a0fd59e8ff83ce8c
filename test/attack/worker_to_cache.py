# A compiler that was taken over says to the cache what no compiler says: its module fails with a message, and what the cache
# holds is as before. One that gives records gives them for its own units only. And a compiler whose cache lies compiles.
# RUN: %python %s %t
import json
import os
import shutil
import socket
import struct
import subprocess

from harness import BIN, fresh_folder

folder = fresh_folder()
source = os.path.dirname(os.path.abspath(__file__))
library, module, cache = f"{folder}/hostile.so", f"{folder}/add.wasm", f"{folder}/cache"
subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, f"{source}/Inputs/hostile_worker.c"], check=True)
subprocess.run(["wat2wasm", f"{source}/../Inputs/add.wat", "-o", module], check=True)


def aotc(*arguments, words=None):
    environment = dict(os.environ, AOTC_CACHE=cache)
    if words is not None:
        environment.update(LD_PRELOAD=library, AOTC_WORDS=words.hex())
    return subprocess.run([f"{BIN}/aotc", *arguments], env=environment, capture_output=True, text=True, timeout=120)


def compile_it(words=None):
    return aotc("compile", module, "-o", f"{folder}/add.aotc", words=words)


def number(value):
    return struct.pack("<I", value)


GET, PUT = b"get\0", b"put\0"
REFUSED = {
    b"garbage!": "asked the cache what is no question",
    GET + number(0): "asked the cache for too much at once",
    GET + number(1 << 31): "asked the cache for too much at once",
    PUT + number(4097): "asked the cache for too much at once",
    PUT + number(1) + number(1 << 31): "gave the cache too large a record",
    PUT + number(1) + number(5) + number(2) + b"x": "gave the cache what is no record",
}
for words, message in REFUSED.items():
    result = compile_it(words)
    assert result.returncode == 1 and result.stderr == f"aotc: {module}: the compiler {message}\n", (words, result)
    assert not os.path.exists(f"{folder}/add.aotc"), words
verified = json.loads(aotc("cache", "verify", "--json").stdout)
assert verified["functions"]["records"] == verified["artifacts"]["records"] == 0, verified

# A record is kept under what its unit says, whatever was thought of it: only who has that unit finds it.
record = number(4) + b"unit" + b"not what comes of it"
result = compile_it(PUT + number(1) + number(len(record)) + record)
assert result.returncode == 0, result
verified = json.loads(aotc("cache", "verify", "--json").stdout)
assert verified["functions"]["records"] >= 1 and verified["functions"]["damaged"] == 0, verified
with open(f"{folder}/add.aotc", "rb") as file:
    poisoned = file.read()
os.unlink(f"{folder}/add.aotc")
shutil.rmtree(cache)
assert compile_it().returncode == 0
with open(f"{folder}/add.aotc", "rb") as file:
    artifact = file.read()
assert poisoned == artifact

# A cache that lies.
os.dup2(os.open("/dev/null", os.O_RDONLY), 3)  # so that no file of this test gets the worker's descriptors
os.dup2(3, 6)
for answer in b"", b"nonsense", number(1 << 31), number(0) * 5000, number(8) + b"\xff" * 8 + number(0) * 5000:
    ours, theirs = socket.socketpair()
    ours.sendall(answer)
    ours.shutdown(socket.SHUT_WR)
    with open(module, "rb") as wasm, open(f"{folder}/lied.aotc", "wb") as out:
        job = {"name": "add", "architecture": 1, "cpu": "x86-64-v3", "tier": 2, "imports": 1, "jobs": 2, "task": 0, "memory_bytes": 4 << 30,
               "cpu_seconds": 60, "file_bytes": 1 << 30, "parent": os.getpid(), "in_group": False, "cached": True}
        result = subprocess.run([f"{BIN}/aotc-server", "worker", json.dumps(job)], stdin=wasm, stdout=subprocess.PIPE, text=True, pass_fds=[3, 6],
                                preexec_fn=lambda: (os.dup2(out.fileno(), 3), os.dup2(theirs.fileno(), 6)))
    ours.close()
    theirs.close()
    assert result.returncode == 0, (answer, result)
    with open(f"{folder}/lied.aotc", "rb") as file:
        assert file.read() == artifact or os.uname().machine != "x86_64", answer

# Who compiles one function once more is given its unit by a tenant.
with open(f"{folder}/unit", "wb") as file:
    file.write(b"unit")
with open(f"{folder}/unit", "rb") as unit, open(f"{folder}/record", "wb") as out:
    job = job | {"name": "function", "task": 1, "parent": os.getpid(), "cached": False}
    result = subprocess.run([f"{BIN}/aotc-server", "worker", json.dumps(job)], stdin=unit, stdout=subprocess.PIPE, text=True, pass_fds=[3],
                            preexec_fn=lambda: os.dup2(out.fileno(), 3))
assert result.returncode == 1 and "function: not a unit of this compiler" in result.stdout, result
print(len(REFUSED), "refused")
