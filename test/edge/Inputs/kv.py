"""kv.py ARTIFACT FOLDER: edge.KV on a node that keeps it in LMDB."""
import os
import shutil
import subprocess
import sys

from harness import AOTC, check, serving
from kv_common import OPTIONS, ask, kill_broker, kill_rounds, use
from node import get, node

artifact, folder = sys.argv[1:]
APPS = [f"{app}={artifact}" for app in ("one", "two")]
store = f"{folder}/store"
OPTIONS = "--kv", store, *OPTIONS

with node(APPS, *OPTIONS) as n:
    use(n)
    # One folder has one broker.
    with node(APPS[:1], *OPTIONS) as other:
        line = other.wait_log("no program gets anything of the key-value store: ")
        check(line["message"].endswith("store: another broker has it") and line["level"] == "error", f"{line}")
        check("the store cannot be used" in ask(other, "one", "/get?key=a"), "and says so to programs")

print(f"{kill_rounds(artifact, OPTIONS, 5, kill_broker)} puts acknowledged in 5 rounds, none lost")

# A damaged database is said, and is nobody's end.
good = f"{folder}/good"
shutil.copytree(store, good)


def damage(change):
    shutil.rmtree(store)
    shutil.copytree(good, store)
    with open(f"{store}/data.mdb", "r+b") as file:
        change(file)


def overwrite(file):
    data = file.read()
    file.seek(0)
    file.write(data.replace(b"k1-", b"k9-"))  # in pages that are no longer in use, too


def blank(file):
    size = file.seek(0, os.SEEK_END)
    file.seek(8192)
    file.write(b"\xff" * (size - 8192))


for change in (overwrite, blank, lambda file: file.truncate(8192), lambda file: file.write(b"x" * 8192)):
    damage(change)
    with node(APPS[:1], *OPTIONS) as n:
        line = n.wait_log("no program gets anything of the key-value store: ")
        check(line["message"].endswith("store: it is damaged"), f"{line}")
        check("the store cannot be used" in ask(n, "one", "/get?key=a"), "and says so to programs")

with node(APPS[:1], "--allow", "one=any") as n:
    check(ask(n, "one", "/get?key=a") == "error: no store", "a node without one")
with node(APPS[:1]) as n:
    check(ask(n, "one", "/get?key=a") == "error: no store", "or without a broker")

# aotc run has one, too.
for number in range(2):
    with serving([AOTC, "run", artifact, "--tcplisten", "127.0.0.1:PORT", "--kv", f"{folder}/run"], stderr=subprocess.DEVNULL) as (_, port):
        check(get(port, f"/put?key=r{number}&value=x") == (200, b"put\n"), "a put")
        wanted = "[" + " ".join(f'"r{i}"' for i in range(number + 1)) + '] ""\n'
        check(get(port, "/list?prefix=") == (200, wanted.encode()), "and those of runs before")
