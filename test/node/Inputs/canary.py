"""canary.py FOLDER"""
import http.client
import os
import signal

from harness import check, fresh_folder, until
from http2_client import Http2
from node import get, node
from versions import version

folder = fresh_folder()
one, two, bad = version(folder, "one"), version(folder, "two"), version(folder, "bad", traps="*")
path = f"{folder}/node.yaml"
head = f"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: 2\nloops: 2\ncanary-key: {folder}/key\napps:\n"
with open(f"{folder}/key", "w") as file:
    file.write("a secret of the fleet\n")


def write(rules, canary=two, more=""):
    with open(path, "w") as file:
        file.write(f"{head}  site:\n    artifact: {one}\n    canary-max-latency: 10000\n    canary: {canary}\n{rules}{more}")


def reload():
    seen = sum("serves what its file says" in line["message"] for line in n.lines)
    n.process.send_signal(signal.SIGHUP)
    n.wait_log("serves what its file says", seen)


def ask(fields, host="x"):
    connection.request("GET", "/", headers={"Host": host, **fields})
    response = connection.getresponse()
    return response.status, response.read().decode().strip()


def users(names):
    """Those who have the canary."""
    return {name for name in names if ask({"X-User": name}) == (200, "two")}


everybody = [f"user-{i}" for i in range(4000)]
write("    canary-weight: 5\n    canary-sticky: header:x-user\n")
with node([], file=path) as n:
    n.wait_log("ready", 1)
    connection = http.client.HTTPConnection("127.0.0.1", n.port)

    # 5 % of many users, who have it again.
    have = users(everybody)
    check(0.035 < len(have) / len(everybody) < 0.065, len(have))
    check(users(sorted(have)) == have and users(sorted(set(everybody) - have)[:300]) == set(), "sticky")
    print(f"a canary of 5 %: {100 * len(have) / len(everybody):.2f} % of {len(everybody)} users")
    counted = n.metric('aotc_requests_total{app="site",release="canary",code="200"}')
    check(counted == 2 * len(have) and n.metric('aotc_requests_total{app="site",code="200"}') == 4300 - len(have), counted)

    # With more weight they keep it; a restart changes nothing.
    write("    canary-weight: 20.5%\n    canary-sticky: header:x-user\n")
    reload()
    os.kill(n.front(), signal.SIGKILL)
    until(lambda: get(n.admin, "/healthz")[0] == 200, "the next front")
    connection = http.client.HTTPConnection("127.0.0.1", n.port)
    until(lambda: users(sorted(have)[:1]), "the canary")
    more = users(everybody[:1500])
    check(have & set(everybody[:1500]) <= more and 0.16 < len(more) / 1500 < 0.25, len(more))

    # By a field and by a cookie, and nobody else.
    write("    canary-header: {x-env: canary}\n    canary-cookie: {env: canary}\n")
    reload()
    check([ask(fields)[1] for fields in ({}, {"X-Env": "canary"}, {"x-env": "Canary"}, {"Cookie": "a=b; env=canary"}, {"Cookie": "env=canary2"})] ==
          ["one", "two", "one", "two", "one"], "rules")
    client = Http2(n.port)
    for fields, answer in (([], b"one\n"), ([("x-env", "canary")], b"two\n"), ([("cookie", "a=b"), ("cookie", "env=canary")], b"two\n")):
        check(client.get("/", more=fields)["body"] == answer, fields)
    client.close()

    # What it fails is said of it, with its name; what it cannot take the app has.
    write("    canary-header: {x-env: canary}\n", canary=bad)
    reload()
    check(ask({"X-Env": "canary"})[0] == 502 and ask({}) == (200, "one"), "it traps")
    check(n.wait_log("unreachable")["app"] == "site.canary", n.lines[-3:])
    write("    canary-header: {x-env: canary}\n", canary=f"{folder}/no.aotc")
    reload()
    check(ask({"X-Env": "canary"})[0] == 502 and get(n.admin, "/healthz")[0] == 200, "what ran goes on")

    # Without it the app has all.
    with open(path, "w") as file:
        file.write(f"{head}  site: {{artifact: {one}}}\n")
    reload()
    check(ask({"X-Env": "canary"}) == (200, "one") and n.metric('release="canary"') == 0, "no canary")

# A canary that cannot be started keeps nobody from starting.
with node([f"site={one}"], "--canary", f"site={folder}/no.aotc", "--canary-weight", "site=100") as n:
    n.wait_log("its process ended")
    check(get(n.port, "/") == (200, b"one\n") and get(n.admin, "/healthz")[0] == 200, "it serves")
