# A worker that has been taken over can do nothing but compute: each probe (Inputs/probes.py) succeeds in the process before
# it has confined itself, and afterwards fails or ends it. Without a probe the same worker compiles.
# RUN: %python %s %t
import json
import os
import subprocess

import probes
from harness import BIN, fresh_folder, hello_wasm

folder = fresh_folder()
hello_wasm(folder)
library = probes.build(folder)


def worker(probe, early):
    """The status a worker ended with and the lines that it wrote."""
    with open(f"{folder}/hello.wasm", "rb") as module, open(f"{folder}/hello.aotc", "wb") as artifact:
        job = {"name": "hello", "architecture": 1, "cpu": "x86-64-v2", "tier": 1, "imports": 0, "jobs": 2, "task": 0, "memory_bytes": 4 << 30,
               "cpu_seconds": 60, "file_bytes": 1 << 30, "parent": os.getpid(), "in_group": False, "cached": False}
        result = subprocess.run([os.path.join(BIN, "aotc-server"), "worker", json.dumps(job)], stdin=module, stdout=subprocess.PIPE,
                                text=True, env=probes.environment(library, folder, probe, early) if probe else {}, pass_fds=[3],
                                preexec_fn=lambda: os.dup2(artifact.fileno(), 3))
    return result.returncode, result.stdout.splitlines()


os.dup2(os.open("/dev/null", os.O_RDONLY), 3)  # so that no file of this test gets the worker's descriptor
probes.check(worker, lambda lines: '"seconds"' in lines[-1] and os.path.getsize(f"{folder}/hello.aotc") > 1000)
