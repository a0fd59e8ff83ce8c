"""kit.py FOLDER: runs FOLDER/kit against nodes that serve its guest in front of its upstream."""
import os
import re
import subprocess
import sys

from harness import AOTC, check
from node import node

folder = sys.argv[1]
for snapshot in ("required", "off"):
    guest = f"{folder}/guest.wasm"
    with subprocess.Popen([f"{folder}/kit", "-test.v"], env=dict(os.environ, GUEST=guest), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as kit:
        upstream = kit.stdout.readline().strip()
        subprocess.run([AOTC, "compile", guest, "--tier", "quick", "--snapshot", snapshot, "-o", f"{folder}/guest.aotc"], check=True, stdout=subprocess.DEVNULL)
        with node([f"site={folder}/guest.aotc,{upstream}"], "--deadline", "2s", "--compare-sample", "1/1") as n:
            said, _ = kit.communicate(f"http://127.0.0.1:{n.port}\n")
            check(kit.returncode == 0, said)
            check(n.metric(r'aotc_requests_total\{app="site.1".*code="200"') > 60, "they went through the node")
        print(f"snapshot {snapshot}: {len(re.findall('--- PASS: Test.*/', said))} passed")
