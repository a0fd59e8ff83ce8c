"""edge.py ARTIFACT FOLDER: package edge in a node."""
import os
import signal
import sys

from app_values import shown, values
from harness import check, talk
from node import Node, get, node

artifact, folder = sys.argv[1:]
MINE = "0f8a4c2e-mine-5b1d"


def said(n, text):
    return [line for line in n.lines if line.get("source") == "program" and line["message"] == text]


mine = values(f"{folder}/mine", key=MINE + "\n")
options = (f"--secrets=mine={mine}", "--workers=1", "--deadline=1s", "--compare-sample=1/1", "--trusted-proxies=127.0.0.1", "--country-header=X-Country")
with node([f"mine={artifact}"], *options) as n:
    for _ in range(3):
        check(get(n.port, "/order", host="mine") == (200, b"false true [thaw thaw 2 request late]\n"), "what main does, the thaw, the request")
    drawn = {get(n.port, "/drawn", host="mine")[1] for _ in range(5)}
    check(len(drawn) == 5 and all(len(one) == 17 for one in drawn), f"each instance draws its own: {drawn}")

    n.wait_log("idle after [thaw thaw 2 request late]", 2)
    line = n.wait_log("idle after [thaw thaw 2]")
    check((line["app"], line["path"]) == ("mine", "/drawn"), "what is done when it is idle is the request's")
    check(get(n.port, "/slow", host="mine")[0] == 200, "the response does not wait for what comes after it")
    n.wait_metric("aotc_going_on", 0)
    check(not said(n, "never"), "and that is broken off")

    told = shown(n, "mine", "key")
    check((told["at the thaw"], told["secret"]) == (MINE, MINE), f"{told}")

    # Who asks.
    for fields, client, country in ((b"X-Forwarded-For: 192.0.2.7, 198.51.100.9\r\nX-Country: NL\r\n", "198.51.100.9", "NL"),
                                    (b"Forwarded: for=192.0.2.7, for=\"[2001:db8::1]:80\";proto=https\r\n", "2001:db8::1", ""),
                                    (b"Forwarded: proto=https; For=192.0.2.7\r\n", "192.0.2.7", ""),
                                    (b"X-Forwarded-For: unknown\r\nX-Country: N L\r\n", "127.0.0.1", ""), (b"", "127.0.0.1", "")):
        answer = talk(n.port, b"GET /request HTTP/1.1\r\nHost: mine\r\nConnection: close\r\n" + fields + b"\r\n").decode()
        known, number, *words = answer.rsplit("\n", 2)[1].split(" ")
        check(known == "true" and words[:2] == [client, country], f"{fields}: {words}")

    # SIGHUP reads them again.
    values(f"{folder}/mine", key="another one", more="text")
    n.process.send_signal(signal.SIGHUP)
    n.wait_log("ready", 1)
    told = shown(n, "mine", "more")
    check((told["at the thaw"], told["secret"]) == ("another one", "text"), f"{told}")
    # What cannot be read leaves what was there.
    os.mkdir(f"{mine}/folder")
    n.process.send_signal(signal.SIGHUP)
    n.wait_log(f"--secrets: {mine}/folder: it is not a file")
    check(shown(n, "mine", "more")["secret"] == "text", "it goes on with those that it has")
    os.rmdir(f"{mine}/folder")
    log = list(n.lines)
check(not any(secret in str(line) for line in log for secret in (MINE, "another one")), "no secret in the log")

# Others are not believed.
with node([f"site={artifact}"], "--country-header=X-Country") as n:
    answer = talk(n.port, b"GET /request HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.7\r\nX-Country: NL\r\n\r\n").decode()
    check(answer.rsplit("\n", 2)[1].split(" ")[:4] == ["true", "1", "127.0.0.1", ""], answer)

# One that has no values does not start, and says why.
n = Node([f"site={artifact}"], f"--config=site={folder}/nowhere", up=False, admin=False)
n.wait_log(f"--config: {folder}/nowhere: No such file or directory")
check(n.process.wait() == 1, "the exit code")
