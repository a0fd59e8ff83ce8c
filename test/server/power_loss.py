#!/usr/bin/env python3
# kill -9 at random moments of uploading and compiling, and with it everything that had not been synced is gone from the
# disk (Inputs/losing_disk.py). After each restart every acknowledged job is there; in the end every acknowledged module is
# intact and compiled. Without syncing, the same loses some: the test can fail.
#
# By hand, for long: test/server/power_loss.py FOLDER --rounds 100
# RUN: %python %s %t --rounds 4
# RUN: %python %s %t --rounds 4 --no-sync
import argparse
import http.client
import json
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path += [os.path.join(os.path.dirname(__file__), folder) for folder in ("Inputs", "../Inputs/harness")]
from harness import Server, fresh_folder, hello_wasm, padded, sha256  # noqa: E402
from losing_disk import LosingDisk  # noqa: E402

UPLOADS = 10  # per round
SIZES = [0, 1000, 300_000, 1_000_000]  # of what is added to the module

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--rounds", type=int, required=True)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--no-sync", action="store_true", help="let the server not sync: something has to be lost")
arguments = parser.parse_args()

chance = random.Random(arguments.seed)
folder = fresh_folder()
wasm = hello_wasm(folder)
disk = LosingDisk(folder, chance)
server = Server(disk.root, "--threads", "1", "--queue", "100000", "--queue-all", "100000", "--no-request-log",
                "--backups", disk.journal, *(["--no-sync"] if arguments.no_sync else []))
acknowledged = {}  # number of a module -> id of its job
done = set()  # that the server has said to be done
lost = set()


def module(number):
    content = random.Random(number)
    return padded(wasm, content.randbytes(content.choice(SIZES) + 8))


def upload(number):
    try:
        status, job = server.upload(module(number), f"?tier=quick&target=host&name=m{number}")
    except (OSError, http.client.HTTPException, ValueError):
        return  # cut off, so not acknowledged
    assert status in (200, 202), job
    acknowledged[number] = job["id"]


def check_jobs():
    for number, job in acknowledged.items():
        status, _, body = server.request("GET", f"/v1/jobs/{job}")
        state = json.loads(body).get("state") if status == 200 else None
        if state == "done":
            done.add(number)
        if state not in ("queued", "running", "done") or (number in done and state != "done"):
            lost.add(number)


def is_intact(number):
    record = server.wait(acknowledged[number])
    if record["state"] != "done" or record["module"] != sha256(module(number)):
        return False
    digests = [record["module"], *(artifact["digest"] for artifact in record["artifacts"])]
    answers = [server.request("GET", f"/v2/m{number}/blobs/{digest}") for digest in digests]
    return all(status == 200 and sha256(body) == digest for digest, (status, _, body) in zip(digests, answers))


def kill_after(count, seconds):
    while len(acknowledged) < count and not finished.is_set():
        time.sleep(0.001)
    time.sleep(seconds)
    server.kill()


for round in range(arguments.rounds):
    server.environment = disk.environment()
    try:
        server.start()
    except AssertionError:
        assert arguments.no_sync, open(server.log).read()
        lost.update(acknowledged)  # RocksDB refuses what is left
        break
    check_jobs()
    finished = threading.Event()
    target = len(acknowledged) + chance.randrange(UPLOADS)
    killer = threading.Thread(target=kill_after, args=(target, chance.choice([0, 0.001, 0.01, 0.1, 0.5])))
    killer.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upload, range(round * UPLOADS, (round + 1) * UPLOADS)))
    finished.set()
    killer.join()
    disk.lose_power()
else:
    server.environment = None
    with server:
        check_jobs()
        lost.update(number for number in acknowledged if number not in lost and not is_intact(number))

print(f"{arguments.rounds * UPLOADS} uploads, {arguments.rounds} times without power: {disk.lost_bytes} bytes and "
      f"{disk.lost_changes} changes of folders lost, of {len(acknowledged)} acknowledged writes {len(lost)} lost")
if arguments.no_sync:
    assert lost, "nothing was lost though nothing was synced: this test cannot fail"
else:
    assert disk.lost_bytes > 0 and not lost, sorted(lost)
