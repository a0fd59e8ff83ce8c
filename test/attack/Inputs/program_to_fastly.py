"""program_to_fastly.py ARTIFACT FOLDER: of the program that test/fastly/Inputs/calls.py writes."""
import re
import sys

from harness import check, talk
from node import node

ask = b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n" + b"0123456789" * 500
with node([f"site={sys.argv[1]}"], "--max-memory", "64M", "--compare-sample", "1/1", "--workers", "1", "--deadline", "10s", "--kv", f"{sys.argv[2]}/kv", "--backend", "site:name=http://127.0.0.1:1") as n:
    tenants = n.tenants()
    for _ in range(3):
        skip = len(n.lines)
        talk(n.port, ask)
        n.wait_for(lambda: any("called 251 functions" in line["message"] for line in n.lines[skip:]), "all were called")
        seen = {}
        for line in n.lines[skip:]:
            for name, statuses in re.findall(r"(fastly_\w+ \w+)((?: \d\d)+); ", line["message"]):
                seen[name] = set(map(int, statuses.split()))
        check(len(seen) > 95, f"{len(seen)} functions that are here")
        for name, statuses in seen.items():
            check(statuses != {5}, f"{name} is unsupported")
        wanted = {"fastly_http_body read": {0, 2, 3}, "fastly_http_body write": {0, 2, 3}, "fastly_http_body append": {0, 3}, "fastly_http_req header_insert": {1, 2, 3},
                  "fastly_http_resp header_names_get": {0, 2, 3}, "fastly_http_req method_get": {0, 2, 3, 4}, "fastly_log endpoint_get": {0, 2}, "fastly_http_req send_async": {0, 2, 3}, "fastly_kv_store open": {0, 2}}
        for name, statuses in wanted.items():
            check(statuses <= seen[name], f"{name}: {seen[name]}")
    check(n.tenants() == tenants, "by the same process")
    check(n.metric("aotc_restarts_total") == 0, "none died")
    n.wait_metric(r"aotc_instances\{", 0)
    check(not any("differs" in line["message"] for line in n.lines), "no byte left")
