"""tenant_to_node.py ARTIFACT: native code in a tenant, once before the first request and once in one, tries what everything.c says."""
import sys

from harness import check
from node import get, node

ENOSYS = -38

with node([f"evil={sys.argv[1]}", f"other={sys.argv[1]}"], "--route", "evil.example=evil", "--route", "other.example=other",
          "--deadline", "10s") as n:
    own, other = n.tenants()
    status, text = get(n.port, f"/?{n.front()},{n.process.pid},{other}", "evil.example")
    check(status == 200, f"{status} {text}")
    results = {}
    for line in text.decode().splitlines():
        what, _, result = line.rpartition(": ")
        results.setdefault(what, []).append(int(result))
    for phase in ("accept", "request"):
        tried = [what for what in results if what.startswith(phase + " ")]
        check(len(tried) > 80, f"{len(tried)} things tried at {phase}")
    reached = {what: values for what, values in results.items() if set(values) != {ENOSYS}}
    check(not reached, f"not refused by the filter: {reached}")
    check(not [line for line in n.lines if "instances begin with accepting" in line["message"]], "the connection was accepted before the request")
    check(get(n.port, "/", "other.example")[0] == 200 and n.tenants() == [own, other], "nobody was harmed")
