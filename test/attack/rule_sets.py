# What each rule set of tools/sandbox lets a process do, tried: Inputs/probe.c enters it and attempts one thing after the
# other, each of which succeeds outside. What is not named here must fail, in the way that the table says.
# RUN: %python %s %t
import os
import subprocess
import sys

from harness import BIN

BUILD, SOURCE = os.path.dirname(BIN), os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = sys.argv[1]

LOOKING = {"see a descriptor"}
LOADING = {"set a signal handler", "map the artifact as code", "make a file in memory"}
THREADS = {"start a thread", "set a signal handler"}
READING = {"read a granted file", "list a granted directory"}
NAMING = {"see a file", "see a file by statx", "see a descriptor by a path", "make a file in memory"}
TCP = {"make an internet socket", "make a local socket", "connect"}
# What a child does until it has its own rule set.
CHILDREN = {"fork", "make a pair of sockets", "map a file as code", "map the artifact as code", "map the artifact as shared code",
            "take the artifact's number", "signal another process", "kill", "become root"}
TRIES = {what: "EACCES" for what in ("read a file", "create a file", "see a file", "see a descriptor by a path", "raise a limit",
                                     "read a granted file", "write a granted file", "truncate a granted file")}
# process: what otherwise happens, what it can do, what else happens to some
RULES = {
    "front-starting": ("ENOSYS", LOOKING | {"start a thread"}, {"raise a limit": "EPERM"}),
    "front": ("killed", LOOKING, {}),
    "tenant-loading": ("ENOSYS", LOOKING | LOADING | {"start a thread"}, {"raise a limit": "EPERM", "take the artifact's number": "EBADF"}),
    "tenant": ("ENOSYS", LOOKING, {}),
    "puller": ("EPERM", LOOKING | READING | NAMING | TCP,
               {"read a file": "EACCES", "create a file": "EACCES", "delete a file": "EACCES", "write a granted file": "EACCES",
                "truncate a granted file": "EACCES"}),
    "broker": ("EPERM", LOOKING | READING | {"see a file", "see a descriptor by a path"} | TCP | THREADS | {"make a pair of sockets"},
               {"read a file": "EACCES"}),
    "compiler": ("killed", LOOKING | THREADS, TRIES),
    "freezer-loading": ("ENOSYS", LOOKING | LOADING, {"raise a limit": "EPERM", "take the artifact's number": "EBADF"}),
    "freezer": ("ENOSYS", LOOKING, {}),
    "freezer-loading-with-files": ("ENOSYS", LOOKING | LOADING | READING,
                                   {"raise a limit": "EPERM", "take the artifact's number": "EBADF", "read a file": "EACCES"}),
    "freezer-with-files": ("ENOSYS", LOOKING | READING, {"read a file": "EACCES"}),
    "server": ("EPERM", LOOKING | READING | NAMING | TCP | CHILDREN | {"start a thread", "set a signal handler"},
               {"read a file": "EACCES", "create a file": "EACCES", "delete a file": "EACCES", "write a granted file": "EACCES",
                "truncate a granted file": "EACCES", "exec": "EACCES"}),
    "inspector": ("killed", LOOKING | THREADS, TRIES),
    "client": ("EPERM", LOOKING | READING | NAMING | TCP | {"set a signal handler"},
               {"read a file": "EACCES", "create a file": "EACCES", "delete a file": "EACCES", "write a granted file": "EACCES",
                "truncate a granted file": "EACCES"}),
    "courier": ("EPERM", LOOKING | READING | {"see a file", "see a descriptor by a path"} | TCP | THREADS | {"make a pair of sockets"},
                {"read a file": "EACCES"}),
    "keeper": ("EPERM", LOOKING | READING | NAMING | THREADS,
               {"read a file": "EACCES", "create a file": "EACCES", "delete a file": "EACCES", "write a granted file": "EACCES",
                "truncate a granted file": "EACCES"}),
}
# Whatever the rule set: no 32-bit calls, no more memory or larger files than granted; clone3 sends the C library to clone.
ALWAYS = {"call by the 32-bit interface": {"killed"}, "use much memory": {"ENOMEM"}, "write a large file": {"EFBIG"},
          "clone3": {"ENOSYS"}}
NOT_HERE = {"EPERM", "ENOSYS", "EINVAL"}  # outside, where this test may not do a thing either

os.makedirs(f"{OUT}.folder", exist_ok=True)
library = f"{BUILD}/tools/sandbox/libaotc_sandbox.a"
subprocess.run(["cc", "-Wall", "-Werror", f"-I{SOURCE}/tools", "-o", f"{OUT}.probe", f"{SOURCE}/test/attack/Inputs/probe.c",
                library, "-lseccomp", "-pthread"], check=True)
for process, (otherwise, allowed, others) in RULES.items():
    with open(f"{OUT}.folder/file", "w") as file:
        file.write("x")
    open(f"{OUT}.victim", "w").close()
    result = subprocess.run([f"{OUT}.probe", process, f"{OUT}.folder"], capture_output=True, text=True, timeout=60,
                            env={"AOTC_PROBE_FILE": f"{OUT}.victim"})
    lines = [line for line in result.stdout.splitlines() if ": " in line]
    assert result.returncode == 0 and len(lines) > 35, (process, result)
    for line in lines:
        what, outcomes = line.split(": ", 1)
        before, after = outcomes.split(" ", 1)
        assert before == "done" or (before in NOT_HERE and what in ("mount", "load a program into the kernel", "make a ring", "become root")), (process, line)
        expected = ALWAYS.get(what) or ({"done"} if what in allowed else {others.get(what, otherwise)})
        assert after in expected, f"{process}: {line}, expected {expected}"
    print(process, len(lines))
