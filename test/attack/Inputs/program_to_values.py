"""program_to_values.py ARTIFACT FOLDER: apps that ask for each other's values; where the bytes of a secret are, and where not."""
import re
import sys

from app_values import shown, values
from harness import check
from node import node

artifact, folder = sys.argv[1:]
MINE, OTHERS = "0f8a4c2e-mine-5b1d", "93e7d6ab-others-4c2f"


def holds(pid, text):
    """Whether it is anywhere in the memory of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            start, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if rights[0] != "r" or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            at, last = int(start, 16), int(end, 16)
            while at < last:
                memory.seek(at)
                piece = memory.read(min(last - at, 1 << 24))
                if not piece:
                    break
                if text in piece:
                    return True
                at += len(piece) if at + len(piece) >= last or len(piece) <= len(text) else len(piece) - len(text)
    return False


mine, others = values(f"{folder}/mine", key=MINE + "\n"), values(f"{folder}/others", key=OTHERS)
config = values(f"{folder}/config", greeting="good day\n", empty="")
options = (f"--config=mine={config}", f"--secrets=mine={mine}", f"--secrets=others={others}", "--workers=1", "--deadline=1s")
with node([f"{app}={artifact}" for app in ("mine", "others", "none")], *options) as n:
    before = 'edge: secret "key": not available before the thaw: ask for it in a request, or in edge.OnThaw'
    for app, secret in (("mine", MINE), ("others", OTHERS)):
        told = shown(n, app, "key")
        check((told["before"], told["at the thaw"], told["secret"]) == (before, secret, secret), f"{told}")
    check(shown(n, "mine", "greeting")["config"] == "good day" and shown(n, "mine", "empty")["config"] == "", "configuration")
    for app, name in (("none", "key"), ("others", "greeting"), ("mine", "none"), ("mine", "..%2Fothers%2Fkey"), ("mine", "key%00"), ("mine", "")):
        told = shown(n, app, name)
        check(told["config"].endswith("file does not exist"), f"{app} {name}: {told}")
        check(told["secret"].endswith("file does not exist"), f"{app} {name}: {told}")

    # Where it is, and where not.
    with open(artifact, "rb") as file:
        image = file.read()
    check(MINE.encode() not in image and b"thaw 2" in image, "a snapshot without the secret")
    tenants = {open(f"/proc/{pid}/cmdline").read().split("name=")[1].split("\0")[0]: pid for pid in n.tenants()}
    for pid in [*tenants.values(), *n.tenants("--front"), n.process.pid]:
        for secret, owner in ((MINE, "mine"), (OTHERS, "others")):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                check(secret.encode() not in file.read(), "no secret in a command line")
            if pid in tenants.values():
                check(holds(pid, secret.encode()) == (pid == tenants[owner]), f"{owner}'s secret in the memory of {[a for a in tenants if tenants[a] == pid]}")
            elif pid == n.process.pid:
                check(not holds(pid, secret.encode()), "and of the supervisor")

    log = list(n.lines)
check(not any(secret in str(line) for line in log for secret in (MINE, OTHERS)), "no secret in the log")
