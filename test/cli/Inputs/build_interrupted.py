"""build_interrupted.py FOLDER: `aotc build` is ended while its go works."""
import os
import signal
import subprocess
import sys

from harness import AOTC, check, until

folder = sys.argv[1]
with open(f"{folder}/slow-go", "w") as file:
    file.write(f"#!/bin/sh\necho $$ > {folder}/pid.new\nmv {folder}/pid.new {folder}/pid\nexec sleep 1000\n")
os.chmod(file.name, 0o700)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    build = subprocess.Popen([AOTC, "build", "--go", file.name], stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": f"{folder}/tmp"},
                             preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))  # lit has SIGINT ignored, and nohup SIGHUP
    until(lambda: os.path.exists(f"{folder}/pid"), "its go runs")
    with open(f"{folder}/pid") as pid:
        go = int(pid.read())
    os.remove(f"{folder}/pid")
    build.send_signal(number)
    said = build.communicate()[1]
    check((build.returncode, said) == (-number, ""), (build.returncode, said))
    check(not os.path.exists(f"/proc/{go}"), "its go has ended")
    check(os.listdir(f"{folder}/tmp") == [], "nothing is left")
