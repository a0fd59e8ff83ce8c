# A backup of a server that is taking uploads holds everything that was acknowledged before; the next one copies little;
# what is restored from it is served. Damaged backups, places that are taken, and folders that the server was not given, are
# refused.
# RUN: %python %s %t
import os
import shutil
import subprocess
import threading

from harness import BIN, Server, fresh_folder, hello_wasm, padded, sha256

folder = fresh_folder()
wasm = hello_wasm(folder)
backups = f"{folder}/backups"
acknowledged = {}


def run(*words, code=0):
    done = subprocess.run([os.path.join(BIN, "aotc-server"), *words], capture_output=True, text=True)
    assert done.returncode == code, done
    return done.stdout + done.stderr


def upload(server, number):
    module = padded(wasm, bytes([number]) * 400_000)
    status, job = server.upload(module, f"?tier=quick&target=host&name=m{number}")
    assert status == 202, job
    acknowledged[number] = job["id"]


def bytes_in(path):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(path) for name in names)


assert "there is no store" in run("backup", "--data", folder, "--to", backups, code=1)
assert "no server runs" in run("rebuild", "--data", folder, "--compiler", "1", code=1)
server = Server(folder, "--no-request-log", "--threads", "1", "--backups", backups, "--backups", f"{folder}/early")
with server:
    for number in range(10):
        upload(server, number)
    before = dict(acknowledged)
    go_on = threading.Event()

    def keep_uploading():
        number = 10
        while not go_on.is_set() or number < 12:
            upload(server, number)
            number += 1

    uploads = threading.Thread(target=keep_uploading)
    uploads.start()
    assert "backed up" in run("backup", "--data", server.data, "--to", f"{folder}/early")
    go_on.set()
    uploads.join()
    assert os.stat(f"{server.data}/control").st_mode & 0o777 == 0o600
    for job in acknowledged.values():
        assert server.wait(job)["state"] == "done"
    sizes = []
    for number in (200, None, 201):
        run("backup", "--data", server.data, "--to", backups)
        sizes.append(bytes_in(backups))
        if number:
            upload(server, number)
            server.wait(acknowledged[number])
    first, second, third = (after - before for before, after in zip([0, *sizes], sizes))
    assert second < first / 2 and third < first / 2, sizes
    assert "exists" in run("restore", "--from", backups, "--data", server.data, code=1)
    refused = run("backup", "--data", server.data, "--to", f"{folder}/elsewhere", code=1)
    assert "aotc-server: store: IO error" in refused and "can write to its --backups only" in refused, refused
assert "backed up" in run("backup", "--data", server.data, "--to", backups, "--keep", "1")  # of a server that is stopped
assert len(os.listdir(f"{backups}/meta")) == 1


def check(source, jobs):
    restored = Server(source + "-restored", "--no-request-log", "--threads", "1")
    assert "restored" in run("restore", "--from", source, "--data", restored.data)
    with restored:
        for number, id in jobs.items():
            job = restored.wait(id)
            assert job["state"] == "done", job
            for digest in (job["module"], job["artifacts"][0]["digest"]):
                assert sha256(restored.get(f"/v2/m{number}/blobs/{digest}")) == digest


check(f"{folder}/early", before)
check(backups, acknowledged)

# A byte of a backup's largest file is damaged: there is no half-restored store.
_, largest = max((os.path.getsize(path), path) for at, _, names in os.walk(backups) for name in names
                 for path in [os.path.join(at, name)])
with open(largest, "r+b") as file:
    file.seek(1000)
    byte = file.read(1)
    file.seek(1000)
    file.write(bytes([byte[0] ^ 1]))
assert "Corruption" in run("restore", "--from", backups, "--data", f"{folder}/damaged", code=1)
assert not os.path.exists(f"{folder}/damaged/store") and os.listdir(f"{folder}/damaged") == []
shutil.rmtree(backups)
assert "aotc-server: " in run("restore", "--from", backups, "--data", f"{folder}/nothing", code=1)
