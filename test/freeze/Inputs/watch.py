# watch.py AOTC-EXEC ARTIFACT OUT: freezes a program that never waits, and looks at its process from outside once it runs.
import subprocess
import sys
import time

child = subprocess.Popen([sys.argv[1], "--freeze", sys.argv[3], "--timeout", "1h", "--max-memory", "256M", sys.argv[2], "--", "spin"])
status = {}
for _ in range(6000):
    with open(f"/proc/{child.pid}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    if status.get("Seccomp", "").strip() == "2":
        break
    time.sleep(0.01)
with open(f"/proc/{child.pid}/limits") as file:
    limits = file.read()
child.kill()
child.wait()
for name in ("NoNewPrivs", "Seccomp"):
    print(name, status[name].strip())
print(*(" ".join(line.split()[:-2]) for line in limits.splitlines() if line.startswith(("Max cpu", "Max file size", "Max data", "Max core"))), sep="\n")
