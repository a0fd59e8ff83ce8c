"""log.py ARTIFACT"""
import sys

from harness import check, until
from node import get, node


def records(n):
    return [line for line in n.lines if line.get("source") == "program"]


with node([f"site={sys.argv[1]}"], "--workers", "2", "--deadline", "10s") as n:
    for _ in range(3):
        check(get(n.port, "/log?secret=1")[0] == 200, "a program that logs")
    n.wait_for(lambda: sum(line["message"] == "unfinished" for line in records(n)) == 3, "three requests")
    check(sum(line["message"] == "app is set up" for line in records(n)) == 1, "its set-up is shown once")
    for number in (1, 2, 3):
        mine = [line for line in records(n) if line.get("request") == number]
        said = sorted((line["level"], line["message"]) for line in mine)
        check(said == [("info", "to stdout"), ("info", "unfinished"), ("warn", "half a line, the rest; and the last"),
                       ("warn", "to stderr")], f"{said}")
        check(all((line["app"], line["method"], line["path"]) == ("site", "GET", "/log") for line in mine), f"{mine}")
    # net/http's, and one that ends the program: a record each, with the goroutines.
    get(n.port, "/boom")
    panic = n.wait_log("http: panic serving")
    check(panic["level"] == "error" and panic["path"] == "/boom" and "boom\ngoroutine " in panic["message"], f"{panic}")
    get(n.port, "/fatal")
    panic = n.wait_log("panic: nobody catches it")
    check(panic["level"] == "error" and panic["path"] == "/fatal" and "\ngoroutine " in panic["message"], f"{panic}")
    check(n.wait_log("exit code 2")["path"] == "/fatal", "what became of it")
    get(n.port, "/split")
    panic = n.wait_log("fatal error: in two")
    check(panic["level"] == "error" and "\ngoroutine 7 [running]:\nmain.main()" in panic["message"], f"{panic}")
    check(not any(line["message"].startswith("goroutine") for line in n.lines), "no line of a panic stands alone")
    # Too much of it.
    check(n.metric("log_dropped_total") == 0, "nothing was dropped")
    check(get(n.port, "/log?n=1000")[0] == 200, "a program that logs much")
    dropped = n.wait_log("lines of its log were dropped")
    check(dropped["level"] == "warn" and dropped["app"] == "site" and 600 < int(dropped["message"].split()[0]) < 1000, f"{dropped}")
    n.wait_metric("log_dropped_total", int(dropped["message"].split()[0]))
    # A panic is not lost in it.
    before = n.metric("log_dropped_total")
    get(n.port, "/fatal?n=1000")
    until(lambda: sum(line["message"].startswith("panic: nobody catches it") for line in records(n)) == 2, "a panic after 1000 lines")
    until(lambda: n.metric("log_dropped_total") - before > 700, "most of them were dropped")
    # More than its buffer holds until it waits is lost there, and counted alike.
    before = n.metric("log_dropped_total")
    check(get(n.port, "/log?n=10000")[0] == 200, "a program that logs more than is kept for it")
    until(lambda: n.metric("log_dropped_total") - before > 9500, "nearly all of it was dropped")
