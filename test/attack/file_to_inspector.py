# A command that looks at a file of a stranger's has nothing left to give away when the first byte of it is read: each probe
# (Inputs/probes.py) succeeds in the process before, and then fails or ends it. Without a probe the same command does its work.
# RUN: %python %s %t
import subprocess

import probes
from harness import AOTC, fresh_folder, hello_wasm

folder = fresh_folder()
hello_wasm(folder)
subprocess.run([AOTC, "compile", f"{folder}/hello.wasm", "--tier", "quick", "-o", f"{folder}/hello.aotc"], check=True, capture_output=True)
library = probes.build(folder)
COMMANDS = {  # what it says when it has done its work
    ("validate", "hello.wasm"): "valid",
    ("dump", "hello.wasm", "--after=read"): "func",
    ("inspect", "hello.aotc"): "target",
}
for command, said in COMMANDS.items():
    def run(probe, early):
        variables = probes.environment(library, folder, probe, early) | {"AOTC_PROBE_READS": f"{folder}/{command[1]}"} if probe else {}
        result = subprocess.run([AOTC, *command], capture_output=True, text=True, cwd=folder, env=variables)
        return result.returncode, result.stdout.splitlines()

    probes.check(run, lambda lines: any(said in line for line in lines))
