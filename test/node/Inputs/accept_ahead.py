"""accept_ahead.py COUNTS ANSWERS SLEEPS CLOSES ENDS DRAWS WRITES: artifacts of accept.go with these arguments."""
import re
import sys
import time

from harness import check
from node import get, node

SAID = "instances begin with accepting the connection"
counts, answers, sleeps, closes, ends, draws, writes = sys.argv[1:]

with node([f"counts={counts}"]) as n:
    time.sleep(1.1)  # the clock of an instance goes on from where its image stopped, not from when that was made
    bodies = [get(n.port, "/") for _ in range(5)]
    for status, body in bodies:
        check(status == 200 and re.match(rb"1 accepted, clock continues: true, drew \d+\n$", body), f"{body}")
    check(len(set(bodies)) == 5, "each draws numbers of its own")
    check(sum(line["message"].endswith("accepted") for line in n.lines) == 1, "it accepted once, for all of them")
    check(not any(SAID in line["message"] for line in n.lines), "begins with the request")

for artifact, why, answer in [(answers, "answers before it was asked", b"early\n"),
                              (sleeps, "does not wait for the request at once", b"1 accepted"),
                              (closes, "opens or closes files when it accepts", b"1 accepted"),
                              (ends, "ends when it accepts", None),
                              (draws, "draws random bytes when it accepts", b"1 accepted"),
                              (writes, "writes to /tmp when it accepts", b"1 accepted")]:
    with node([f"app={artifact}"]) as n:
        n.wait_log(f"{SAID}: ")
        check(any(why in line["message"] for line in n.lines), why)
        status, body = get(n.port, "/")
        check(status == 502 if answer is None else status == 200 and body.startswith(answer), f"{status} {body}")
