"""What a process that only computes must not be able to do, and a library that tries it from inside (preloaded_probe.c)."""
import errno
import os
import platform
import signal
import subprocess

ENDS = -signal.SIGSYS
PROBES = {  # what is tried: how it must end, an errno or the signal
    "read a file": errno.EACCES, "create a file": errno.EACCES, "see a file": errno.EACCES, "delete a file": ENDS,
    "make an internet socket": ENDS, "make a local socket": ENDS, "make a pair of sockets": ENDS,
    "fork": ENDS, "clone3": errno.ENOSYS, "exec": ENDS,
    "map executable memory": ENDS, "make memory executable": ENDS, "make a file in memory": ENDS,
    "read another process": ENDS, "signal another process": ENDS, "kill": ENDS,
    "raise a limit": errno.EACCES, "leave a namespace": ENDS,
}
if platform.machine() == "x86_64":
    PROBES.update({"call by the 32-bit interface": ENDS, "call by the x32 numbers": ENDS})


def build(folder):
    library = f"{folder}/probe.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library,
                    os.path.join(os.path.dirname(__file__), "preloaded_probe.c")], check=True)
    return library


def environment(library, folder, probe, early):
    """Of a process that tries `probe` when it first reads what standard input is, or FILE in AOTC_PROBE_READS; `early` at its start."""
    variables = {"LD_PRELOAD": library, "AOTC_PROBE": probe, "AOTC_PROBE_FILE": f"{folder}/victim"}
    if early:
        variables["AOTC_PROBE_EARLY"] = "1"
    if probe == "delete a file":
        open(variables["AOTC_PROBE_FILE"], "w").close()
    return variables


def check(run, succeeds):
    """run(probe, early) -> (status, lines); `succeeds` tells from lines that a process has done what it was started for."""
    status, lines = run(None, False)
    assert status == 0 and succeeds(lines), (status, lines)
    for what, expected in PROBES.items():
        if what != "call by the x32 numbers":  # few kernels have them
            status, lines = run(what, True)
            assert lines[:1] == ["probe: 0"], (what, status, lines)
        status, lines = run(what, False)
        if expected < 0:
            assert status == expected and lines == [], (what, status, lines)
        else:
            assert status == 0 and lines[0] == f"probe: {expected}" and succeeds(lines), (what, status, lines)
