# A worker that has been taken over can do nothing but compute: each probe (Inputs/preloaded_probe.c) succeeds in the process before
# it has confined itself, and afterwards fails or ends it. Without a probe the same worker compiles.
# RUN: %python %s %t
import errno
import json
import os
import platform
import signal
import subprocess

from harness import BIN, fresh_folder, hello_wasm

ENDS = -signal.SIGSYS
probes = {  # what is tried: how it must end, an errno or the signal
    "read a file": errno.EACCES, "create a file": errno.EACCES, "see a file": errno.EACCES, "delete a file": ENDS,
    "make an internet socket": ENDS, "make a local socket": ENDS, "make a pair of sockets": ENDS,
    "fork": ENDS, "clone3": errno.ENOSYS, "exec": ENDS,
    "map executable memory": ENDS, "make memory executable": ENDS, "make a file in memory": ENDS,
    "read another process": ENDS, "signal another process": ENDS, "kill": ENDS,
    "raise a limit": errno.EACCES, "leave a namespace": ENDS,
}
if platform.machine() == "x86_64":
    probes.update({"call by the 32-bit interface": ENDS, "call by the x32 numbers": ENDS})

folder = fresh_folder()
hello_wasm(folder)
library = f"{folder}/probe.so"
subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library,
                os.path.join(os.path.dirname(__file__), "Inputs", "preloaded_probe.c")], check=True)


def worker(probe=None, early=False):
    """The status a worker ended with and the lines that it wrote."""
    environment = {"AOTC_PROBE_FILE": f"{folder}/victim"}
    if probe:
        environment.update({"LD_PRELOAD": library, "AOTC_PROBE": probe})
    if early:
        environment["AOTC_PROBE_EARLY"] = "1"
    if probe == "delete a file":
        open(environment["AOTC_PROBE_FILE"], "w").close()
    with open(f"{folder}/hello.wasm", "rb") as module, open(f"{folder}/hello.aotc", "wb") as artifact:
        job = {"name": "hello", "architecture": 1, "cpu": "x86-64-v2", "tier": 1, "jobs": 2, "attach": False, "memory_bytes": 4 << 30,
               "cpu_seconds": 60, "file_bytes": 1 << 30, "parent": os.getpid(), "in_group": False}
        result = subprocess.run([os.path.join(BIN, "aotc-server"), "worker", json.dumps(job)],
                                stdin=module, stdout=subprocess.PIPE, text=True, env=environment, pass_fds=[3],
                                preexec_fn=lambda: os.dup2(artifact.fileno(), 3))
    return result.returncode, result.stdout.splitlines()


os.dup2(os.open("/dev/null", os.O_RDONLY), 3)  # so that no file of this test gets the worker's descriptor
status, lines = worker()
assert status == 0 and '"seconds"' in lines[-1] and os.path.getsize(f"{folder}/hello.aotc") > 1000, (status, lines)
for what, expected in probes.items():
    if what != "call by the x32 numbers":  # few kernels have them
        status, lines = worker(what, early=True)
        assert lines[:1] == ["probe: 0"], (what, status, lines)
    status, lines = worker(what)
    if expected < 0:
        assert status == expected and lines == [], (what, status, lines)
    else:
        assert status == 0 and lines[0] == f"probe: {expected}" and '"seconds"' in lines[-1], (what, status, lines)
