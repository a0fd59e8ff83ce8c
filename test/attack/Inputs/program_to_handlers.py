"""program_to_handlers.py FOLDER: guest.aotc is a handler that does what it is told, site.aotc stands behind it."""
import os
import sys

from harness import check, talk
from node import node

folder = sys.argv[1]


def ask(n, do, after="", method="GET", body=b"", target="/"):
    after = f"X-After: {after}\r\n" if after else ""
    return talk(n.port, f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Do: {do}\r\n{after}Content-Length: {len(body)}\r\n\r\n".encode() + body)


# Each ends with a 502, and a word in the log that says why.
BEFORE = {
    # Memory that is not there, or ends too soon.
    **{f"far 0 {what}": "out of bounds" for what in ("get", "set", "names", "values", "value", "read", "write", "log")},
    # Two lines, or two messages, of one.
    r"set 1 x=a\r\nset-cookie: stolen": "set_header_value: not a value",
    r"add 1 x=a\nb": "add_header_value: not a value",
    r"set 1 x=\0": "set_header_value: not a value",
    "set 1 x y=z": "set_header_value: not a name",
    "set 1 x:y=z": "set_header_value: not a name",
    "set 1 =z": "set_header_value: not a name",
    r"set 0 x=a\r\n\r\nGET /other HTTP/1.1; next": "set_header_value: not a value",
    "uri http://other.example/; next": "set_uri: not a path",
    "uri /a b; next": "set_uri: not a path",
    "method G ET; next": "set_method: not a method",
    "method CONNECT; next": "set_method: not a method",
    "method ; next": "set_method: not a method",
    "status 100": "set_status_code: not a final status",
    "status 99999": "set_status_code: not a final status",
    # What there is not.
    "names 4": "no kind of header",
    "set 7 x=y": "no kind of header",
    "read 2": "no kind of body",
    "write 2 x": "no kind of body",
    "set 3 x=y": "trailers are not enabled",
    "remove 0 ": "remove_header: not a name",
    # More than it may have, longer than it may run.
    "grow 1": "more bytes than an instance may have memory",
    "loop": "deadline",
    "sleep 900000": "deadline",
    "panic at once": "panic: at once",
}
AFTER = {
    "method PUT": "there is no request that could still be changed",
    "uri /": "there is no request that could still be changed",
    "set 0 x=y": "the request has gone on",
    "write 0 x": "the request has gone on",
    "set 1 x=y": "the response has gone on",
    "write 1 x": "the response has gone on",
    "read 1": "the response has gone on",
    "status 500": "there is no response that could still be changed",
    "loop": "deadline",
    "panic late": "panic: late",
}

with node([f"site={folder}/guest.aotc,{folder}/site.aotc"], "--deadline", "1s", "--max-memory", "32M", "--compare-sample", "1/1", "--workers", "1") as n:
    n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2, "both are ready")
    tenants = n.tenants()

    def seen(why, what, skip):
        n.wait_for(lambda: sum(why in str(line) for line in n.lines[skip:]) > 0, f"{what}: {why}")

    for do, why in BEFORE.items():
        skip = len(n.lines)
        answer = ask(n, do)
        status = 504 if BEFORE[do] == "deadline" else 502
        check(answer.startswith(b"HTTP/1.1 %d " % status) and b"stolen" not in answer, f"{do}: {answer}")
        seen(why, do, skip)
    for do, why in AFTER.items():
        skip = len(n.lines)
        # The response has gone on, or is kept: that of the program behind, or that it failed.
        check(ask(n, "next", do).startswith(b"HTTP/1.1 200 "), f"after: {do}")
        seen(why, do, skip)
        if do in ("loop", "panic late"):
            check(not ask(n, "features 2; next", do).startswith(b"HTTP/1.1 200 "), f"after, kept: {do}")
    # What it makes of the framing is nobody's: the message behind the first is part of its body, or of none.
    answer = ask(n, "set 1 content-length=3; set 1 transfer-encoding=chunked; set 1 connection=close, x-do; write 1 0123456789")
    check(answer.count(b"HTTP/1.1") == 1 and b"Content-Length: 10\r\n" in answer and b"hunked" not in answer and answer.endswith(b"\r\n\r\n0123456789"), f"{answer}")
    answer = ask(n, "set 0 content-length=3; set 0 host=a, b; remove 0 host; write 0 0123456789; next", method="POST")
    check(answer.count(b"HTTP/1.1") == 1, f"{answer}")
    # A head that is too large for whoever is behind it, or for its client.
    check(ask(n, "many 0 100; next").startswith(b"HTTP/1.1 200"), "a large head")
    check(ask(n, "many 0 200; next").startswith(b"HTTP/1.1 431"), "a larger one than clients may send")
    check(ask(n, "many 1 20").startswith(b"HTTP/1.1 502"), "fields of a response beyond the limit")
    # A body of which an instance may not keep all, when it asks for it; as it comes it may be as long as it is.
    large = os.urandom(1 << 20).hex().encode() * 20
    check(ask(n, "read 0; next", method="POST", body=large).startswith(b"HTTP/1.1 50"), "40 MiB, which its instance, copies and all, cannot have")
    check(ask(n, "next", method="POST", body=large).startswith(b"HTTP/1.1 200"), "40 MiB that it does not ask for")
    # Nobody noticed.
    check(ask(n, "next").startswith(b"HTTP/1.1 200"), "it is served")
    check(n.tenants() == tenants, "by the same processes")
    check(n.metric("aotc_restarts_total") == 0 and n.metric(r"aotc_instances\{") == 0, "nothing is left")
    check(not any("differs" in line["message"] for line in n.lines), "no byte left")
