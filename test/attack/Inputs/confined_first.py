"""confined_first.py FOLDER ARTIFACT: a node that pulls and serves an app, with the calls of its processes written down."""
import os
import re
import shutil
import sys

from fleet import Images, Key
from harness import BIN, check
from node import get, node
from registry_of_lies import Registry

folder, artifact = sys.argv[1], open(sys.argv[2], "rb").read()
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
key, images = Key(folder, "key"), Images()
images.publish(key, 1, artifact)

wrapper, trace = f"{folder}/node", f"{folder}/trace"
with open(wrapper, "w") as file:
    file.write("#!/bin/sh\nexec strace -D -f -qq -s 200 -o " + trace + " -e trace=execve,seccomp,setresuid,landlock_restrict_self,open,openat,"
               f"accept4,connect,recvfrom,recvmsg,read,pread64,mmap {BIN}/aotc-node \"$@\"\n")
os.chmod(wrapper, 0o755)
os.environ["AOTC_NODE"] = wrapper
with Registry(images.paths) as registry:
    with node([f"site=oci://{registry.host}/acme/app:v1"], "--cache", f"{folder}/cache", "--trust", key.public) as n:
        check(get(n.port, "/") == (200, b"version one\n"), "it serves")

calls, unfinished = {}, {}
for line in open(trace):
    pid, call = line.split(None, 1)
    if call.endswith("<unfinished ...>\n"):
        unfinished[pid] = call[:-len("<unfinished ...>\n")]
        continue
    if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", call, re.DOTALL):
        call = unfinished.pop(pid) + resumed[1]
    calls.setdefault(pid, []).append(call)

FILTER = re.compile(r"seccomp\(SECCOMP_SET_MODE_FILTER.*= 0$")
# What is a stranger's: connections and what comes from them, the cache, an artifact's pages.
TOUCHES = re.compile(r"(accept4|connect|recvfrom|recvmsg|pread64)\(|mmap\(.*PROT_EXEC")
seen = []
for pid, lines in calls.items():
    kind = next((match[1] for line in lines if (match := re.search(r'execve\("/proc/self/exe", \["aotc-node", "(--\w+)"', line))), None)
    if kind is None:
        continue
    seen.append(kind)
    own = lines[next(i for i, line in enumerate(lines) if "/proc/self/exe" in line) + 1:]
    locks = [i for i, line in enumerate(own) if FILTER.match(line)]
    check(len(locks) == (1 if kind == "--pull" else 2), f"{kind}: {len(locks)} filters")
    early = [line for line in own[:locks[0]] if TOUCHES.match(line)]
    check(not early, f"{kind} before it was confined: {early}")
    check(any(TOUCHES.match(line) for line in own[locks[0]:]), f"{kind} touches something")
    if os.geteuid() == 0:
        check(any(line.startswith("setresuid") for line in own[:locks[0]]), f"{kind} becomes another user first")
    opened = [line for line in own[locks[0]:] if line.startswith(("open(", "openat("))]
    allowed = re.compile(r'openat\(\d+, "(\w+)"|openat\(AT_FDCWD, "/(etc|run|usr)/' if kind == "--pull" else "$^")
    check(all(allowed.match(line) for line in opened), f"{kind} opens {opened}")
    if kind == "--tenant":
        code = [line for line in own if re.match(r"mmap\(.*PROT_EXEC.* = 0x", line)]
        check(len(code) == 1 and code[0] in own[locks[0]:locks[1]], f"code is mapped between the two: {code}")
check(sorted(set(seen)) == ["--front", "--pull", "--tenant"], seen)
