"""wrk.py ARTIFACT: wrk keeps 32 connections busy; every response is a good one, and all of them are counted."""
import re
import subprocess
import sys

from harness import check
from node import node

with node([f"site={sys.argv[1]}"], "--deadline", "5s") as n:
    url = f"http://127.0.0.1:{n.port}/count"
    text = subprocess.run(["wrk", "-t1", "-c32", "-d2s", url], capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    check(requests > 0 and "Non-2xx" not in text and "Socket errors" not in text, text)
    # Those that wrk left when its time was over may have been answered, too.
    n.wait_metric("aotc_instances", 0)
    answered = n.metric(r'aotc_requests_total\{.*code="200"')
    check(requests <= answered <= requests + 32, f"wrk saw {requests} responses, the node sent {answered}")
