# Whoever can write to a remote, and whoever has taken over the courier that speaks to it: their functions are not taken, what is
# said of them is one sentence, and the artifact is what it is without a cache. The courier is confined before it connects, and
# knows the password from its socket alone.
# RUN: %python %s %t
# REQUIRES: redis
import os
import shutil
import socket
import struct
import subprocess

from harness import AOTC, BIN, compile_wat, fresh_folder, until
from remotes import Key, Machine, compiled_without, counts, redis

folder = fresh_folder()
us, them = Key(folder, "us"), Key(folder, "them")
inputs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Inputs")
module, other = f"{folder}/add.wasm", f"{folder}/sub.wasm"
compile_wat(f"{inputs}/add.wat", module)
with open(f"{inputs}/add.wat") as source, open(f"{folder}/sub.wat", "w") as changed:
    changed.write(source.read().replace("i32.add", "i32.sub"))
compile_wat(f"{folder}/sub.wat", other)
expected = compiled_without(module, folder)


class Store:
    """What lies in Redis, as bytes."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.file = self.connection.makefile("rb")

    def ask(self, *words):
        self.connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if line[:1] == b"$":
            return self.file.read(int(line[1:]) + 2)[:-2]
        return [self.answer() for _ in range(int(line[1:]))] if line[:1] == b"*" else line

    def all(self):
        return {name: self.ask(b"GET", name) for name in self.ask(b"KEYS", b"*")}

    def fill(self, values):
        self.ask(b"FLUSHALL")
        for name, value in values.items():
            self.ask(b"SET", name, value)


def take(url, *options, **how):
    """What a machine without anything gets from there."""
    machine = Machine(folder, "reader", url, "--cache-trust", us.public, **how)
    shutil.rmtree(machine.cache, ignore_errors=True)
    result = machine.compile(module, *options)
    assert machine.artifact() == expected
    assert machine.said.count("\n") <= 1, machine.said
    return result, machine.said


def flip(value, at):
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1:]


with redis(folder) as port:
    store, url = Store(port), f"redis://127.0.0.1:{port}"

    def fill(name, key, what, *options):
        Machine(folder, name, url, "--cache-sign", key.secret).compile(what, *options)
        values = store.all()
        store.ask(b"FLUSHALL")
        return values

    good, forged = fill("writer", us, module), fill("forger", them, module)
    others, foreign = fill("sub", us, other), fill("foreign", us, module, "--target", "aarch64")
    # The same names: of a function it does not matter who compiles it. Other bodies and targets have others.
    assert good.keys() == forged.keys() and not good.keys() & foreign.keys() and good.keys() != others.keys()
    functions = len(good)
    store.fill(good)
    assert take(url) == (counts(asked=functions, hits=functions), "")
    names = sorted(good)
    POISON = {
        "signed by somebody else": forged,
        "signed by somebody else in our name": {name: value[:10] + good[name][10:18] + value[18:] for name, value in forged.items()},
        "of another function": {name: good[names[n - 1]] for n, name in enumerate(names)},
        "of another target": dict(zip(names, foreign.values())),
        "of another module": dict.fromkeys(names, next(value for name, value in others.items() if name not in good)),
        "not compressed": {name: value[:82] + b"x" * 500 for name, value in good.items()},
        "cut off": {name: value[:-1] for name, value in good.items()},
        "longer": {name: value + b"\0" for name, value in good.items()},
        "changed": {name: flip(value, len(value) - 9) for name, value in good.items()},
        "with another path": {name: flip(value, 90) for name, value in good.items()},
        "nothing of ours": {name: b"\x7fELF" for name in names},
    }
    for what, values in POISON.items():
        store.fill(values)
        rejected = sum(1 for name in names if name in values and values[name] != good.get(name))
        result, said = take(url)
        assert result["rejected"] == rejected > 0 and result["hits"] == functions - rejected, (what, result)
        assert f"{rejected} of what it holds was not signed by a trusted key, and is not used" in said, (what, said)
    # One that is wrong does not spoil the others.
    store.fill({**good, names[0]: flip(good[names[0]], 300)})
    assert take(url)[0] == counts(asked=functions, hits=functions - 1, rejected=1)

# A courier in other hands says to the keeper what it likes.
os.makedirs(f"{folder}/bin")
for program in ("aotc", "aotc-exec"):
    shutil.copy(f"{BIN}/{program}", f"{folder}/bin")
os.symlink(f"{BIN}/../lib", f"{folder}/lib")


def number(value):
    return struct.pack("<I", value)


def courier_that_says(words):
    with open(f"{folder}/words", "wb") as file:
        file.write(words)
    with open(f"{folder}/bin/aotc-courier", "w") as file:
        file.write(f"""#!/usr/bin/python3
import os, socket
keeper = socket.socket(fileno=0)
asked = b""
while b"ask" not in asked:
    asked += keeper.recv(65536)
with open("{folder}/words", "rb") as file:
    keeper.sendall(file.read())
keeper.shutdown(socket.SHUT_WR)
while keeper.recv(65536):
    pass
""")
    os.chmod(f"{folder}/bin/aotc-courier", 0o755)
    result = subprocess.run([f"{folder}/bin/aotc", "compile", module, "-o", f"{folder}/out.aotc", "--tier", "quick", "--snapshot", "off", "--cache", f"{folder}/c",
                             "--cache-remote", "redis://x", "--cache-sign", us.secret, "--cache-wait", "60s"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, (words, result)
    with open(f"{folder}/out.aotc", "rb") as file:
        assert file.read() == expected, words
    shutil.rmtree(f"{folder}/c")
    return result.stderr


WORDS = {
    b"": "its courier has ended",
    b"garbage, and more of it": "its courier says what it should not",
    number(0) + number(1 << 30): "its courier says what it should not",
    number(0) + number(33 << 20) + b"x" * (33 << 20): "its courier has ended",
    number(77) + number(0): "its courier says what it should not",
    (number(0) + number(0)) * 2: "its courier says what it should not",
    number(0xfffffffe) + number(8) + b"\xff" * 8: "its courier has ended",
    number(0xffffffff) + number(5) + b"\x1b[31m": "\\x1b[31m",
}
for words, said in WORDS.items():
    heard = courier_that_says(words)
    assert heard == f"aotc: cache redis://x:6379: {said}; going on without\n", (words[:50], heard)
os.unlink(f"{folder}/bin/aotc-courier")

# One that begins to say how much there is, and goes on no further.
with open(f"{folder}/bin/aotc-courier", "w") as file:
    file.write("#!/usr/bin/python3\nimport socket\nkeeper = socket.socket(fileno=0)\nkeeper.sendall(b'x')\nwhile keeper.recv(65536):\n    pass\n")
os.chmod(f"{folder}/bin/aotc-courier", 0o755)
stats = subprocess.run([f"{folder}/bin/aotc", "cache", "stats", "--cache", f"{folder}/c", "--cache-remote", "redis://x"], capture_output=True, text=True, timeout=120)
assert stats.returncode == 1 and stats.stderr == "aotc: cache redis://x:6379: its courier says what it should not\n", stats
os.unlink(f"{folder}/bin/aotc-courier")

without = subprocess.run([f"{folder}/bin/aotc", "compile", module, "-o", f"{folder}/out.aotc", "--tier", "quick", "--snapshot", "off", "--cache", f"{folder}/c",
                          "--cache-remote", "redis://x", "--cache-sign", us.secret], capture_output=True, text=True, timeout=120)
assert without.returncode == 0 and without.stderr.endswith("its courier has ended; going on without\n"), without

# While it waits for an answer.
with socket.create_server(("127.0.0.1", 0)) as listener:
    port = listener.getsockname()[1]
    waiting = subprocess.Popen([AOTC, "compile", module, "-o", f"{folder}/out.aotc", "--cache", f"{folder}/c2", "--cache-remote",
                                f"redis://127.0.0.1:{port}", "--cache-sign", us.secret, "--cache-wait", "60s"],
                               env={**os.environ, "AOTC_CACHE_TOKEN": "open sesame"}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    connection, _ = listener.accept()
    assert b"open sesame" in connection.recv(1000)
    children = subprocess.run(["pgrep", "-P", str(waiting.pid)], capture_output=True, text=True).stdout.split()
    courier, = [child for child in children if os.readlink(f"/proc/{child}/exe").endswith("/aotc-courier")]

    def of_courier(name):
        with open(f"/proc/{courier}/{name}", "rb") as file:
            return file.read()

    assert b"\nSeccomp:\t2\n" in of_courier("status") and b"\nNoNewPrivs:\t1\n" in of_courier("status")
    assert os.geteuid() != 0 or b"\nUid:\t65534\t65534" in of_courier("status")
    assert of_courier("cmdline").count(b"\0") == 1 and of_courier("environ") == b""
    for descriptor in os.listdir(f"/proc/{courier}/fd"):
        assert os.readlink(f"/proc/{courier}/fd/{descriptor}").startswith(("socket:", "/dev/null", "pipe:")), descriptor
    connection.close()
    assert waiting.wait() == 0
    until(lambda: not os.path.exists(f"/proc/{courier}"), "its end")
print(len(POISON), "poisons,", len(WORDS), "lies")
