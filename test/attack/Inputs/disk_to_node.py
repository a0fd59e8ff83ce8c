"""disk_to_node.py FOLDER ARTIFACT: damages each file of a node's cache in several ways, and starts the node without its registry."""
import os
import shutil
import sys

from fleet import Images, Key
from harness import check, until
from node import get, node
from registry_of_lies import Registry

folder, artifact = sys.argv[1], open(sys.argv[2], "rb").read()
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
key, images = Key(folder, "key"), Images()
images.publish(key, 1, artifact)
whole, cache = f"{folder}/whole", f"{folder}/cache"
GOOD = (200, b"version one\n")


def start(host, cache, up=True):
    return node([f"site=oci://{host}/acme/app:v1"], "--poll", "50ms", "--cache", cache, "--trust", key.public, up=up)


with Registry(images.paths) as registry:
    host = registry.host
    with start(host, whole) as n:
        check(get(n.port, "/") == GOOD, "it serves what was pulled")
with start(host, whole) as n:
    check(get(n.port, "/") == GOOD, "it serves what is in its cache")


def flip(at):
    def change(path):
        with open(path, "r+b") as file:
            size = os.path.getsize(path)
            file.seek(at * (size - 1) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
    return change


def replace(with_what):
    def change(path):
        os.remove(path)
        with_what(path)
    return change


def longer(path):
    with open(path, "ab") as file:
        file.write(b"\0")


CHANGES = {"first byte": flip(0), "middle": flip(1), "last byte": flip(2), "empty": lambda path: os.truncate(path, 0),
           "half": lambda path: os.truncate(path, os.path.getsize(path) // 2), "longer": longer, "missing": os.remove,
           "folder": replace(os.mkdir), "pipe": replace(os.mkfifo), "link": replace(lambda path: os.symlink("/etc/passwd", path)),
           "endless": replace(lambda path: os.symlink("/dev/zero", path))}
files = [os.path.relpath(os.path.join(at, name), whole) for at, _, names in os.walk(whole) for name in names
         if os.path.getsize(os.path.join(at, name)) > 0]
check(len(files) >= 5, files)
served = 0
for path in files:
    for what, change in CHANGES.items():
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(whole, cache)
        change(f"{cache}/{path}")
        with start(host, cache, up=False) as n:
            told = lambda: [line for line in n.lines if line["level"] in ("warning", "error")]
            until(lambda: told() or get(n.port, "/") == GOOD, f"{path}, {what}: neither served nor said")
            status, body = get(n.port, "/")
            check((status, body) == GOOD or status == 503, f"{path}, {what}: {status} {body}")
            check(told(), f"{path}, {what}: nothing was said")
            served += status == 200
print(f"{len(files)} files, {len(CHANGES)} changes each, {served} times the app went on")
