"""response_cache.py ARTIFACT HANDLER: what is answered without a program; see ../response_cache.test"""
import gzip
import http.client
import signal
import sys
import threading
import time
import urllib.parse

from harness import PATIENCE, check, connect, read_all, until
from http2_client import Http2
from node import node

artifact, handler = sys.argv[1:]
CACHE = ("--response-cache", "site=16M", "--deadline", "10s")
KEPT = "max-age=600"


def url(path="/", **query):
    return path + "?" + urllib.parse.urlencode({name.replace("_", "-"): value for name, value in query.items()})


class Answer:
    def __init__(self, response):
        self.status, self.body, self.fields = response.status, response.read(), response.headers
        self.cache = response.getheader("Cache-Status", "")
        self.number = self.body[:32]
        self.hit = self.cache.startswith("aotc-node; hit")

    def __repr__(self):
        return f"{self.status} {self.cache} {self.body[:60]}"


def ask(n, target, method="GET", body=None, **fields):
    connection = http.client.HTTPConnection("127.0.0.1", n.port, timeout=PATIENCE)
    connection.request(method, target, body=body, headers={name.replace("_", "-"): value for name, value in fields.items()})
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def together(n, target, count, **fields):
    """As many at once."""
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(n, target, **fields))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def results(n):
    return {name: n.metric(f'^aotc_response_cache_requests_total.*app="site".*"{name}"') for name in ("hit", "stale", "collapsed", "miss", "pass")}


def runs(n):
    """Requests that programs have had."""
    return n.metric('^aotc_run_seconds_count.*app="site"')


with node([f"site={artifact}"], *CACHE, "--loops", "2") as n:
    # Kept, and by which field the client can tell.
    page = url(cache_control=KEPT, etag='"v1"')
    first, second = ask(n, page), ask(n, page)
    check(first.cache == "aotc-node; fwd=uri-miss; stored" and not first.hit, first)
    check(second.hit and second.body == first.body and second.fields["Age"] is not None and second.fields["Content-Length"] == str(len(first.body)), second)
    check({name: value for name, value in second.fields.items() if name not in ("Age", "Cache-Status")} ==
          {name: value for name, value in first.fields.items() if name != "Cache-Status"} | {"Content-Length": str(len(first.body))}, "the same fields")
    check(runs(n) == 1 and results(n) == {"hit": 1, "stale": 0, "collapsed": 0, "miss": 1, "pass": 0}, results(n))
    # In part, or not at all.
    check(ask(n, page, "HEAD").hit and ask(n, page, "HEAD").body == b"", "HEAD")
    known = ask(n, page, If_None_Match='"v1"')
    check(known.status == 304 and known.body == b"" and known.fields["ETag"] == '"v1"' and known.hit, known)
    part = ask(n, page, Range="bytes=0-31")
    check(part.status == 206 and part.body == first.number and part.fields["Content-Range"] == f"bytes 0-31/{len(first.body)}", part)
    check(ask(n, page, Range="bytes=5000-").status == 416, "no such range")
    # By HTTP/2, and by HTTP/1.0; what one has had made the other gets.
    client = Http2(n.port)
    two = client.get(page, authority=f"127.0.0.1:{n.port}")
    check(two["body"] == first.body and two["fields"]["cache-status"].startswith("aotc-node; hit"), two)
    check(client.get(page, method="HEAD", authority=f"127.0.0.1:{n.port}")["body"] == b"", "HEAD")
    with connect(n.port) as old:
        old.sendall(f"GET {page} HTTP/1.0\r\nHost: 127.0.0.1:{n.port}\r\n\r\n".encode())
        check(read_all(old).endswith(first.body), "HTTP/1.0")
    check(runs(n) == 1, "one program for all of them")
    # More than goes at a time; to a client that takes its time, and to streams side by side.
    large = url(cache_control=KEPT, n=1_500_000)
    whole = ask(n, large).body
    check(ask(n, large).body == whole, "large")
    streams = [client.ask(large, authority=f"127.0.0.1:{n.port}") for _ in range(5)]
    check(all(client.wait(one)["body"] == whole for one in streams) and runs(n) == 2, "large, by HTTP/2")
    check(ask(n, large, Range="bytes=1000000-1400000").body == whole[1000000:1400001], "a large part")
    # Pipelined, more than fits: every one is answered, by whoever reads late.
    with connect(n.port) as many:
        request = f"GET {page} HTTP/1.1\r\nHost: 127.0.0.1:{n.port}\r\n".encode()
        sender = threading.Thread(target=many.sendall, args=((request + b"\r\n") * 5000 + request + b"Connection: close\r\n\r\n",))
        sender.start()
        check(read_all(many).count(first.number) == 5001, "pipelined")
        sender.join()
    check(runs(n) == 2, "none of them by a program")
    # All of them in one piece, and nothing behind it that would wake anybody.
    with connect(n.port) as many:
        short = b"GET /?n=2000&cache-control=max-age%3D600 HTTP/1.1\r\nHost: x\r\n\r\n"
        many.sendall(short)
        many.recv(65536)
        many.sendall(short * 1000)
        many.settimeout(30)
        got = b""
        while got.count(b"HTTP/1.1 200") < 1000:
            got += many.recv(65536)
    # Too large to be kept: an eighth is what one may have.
    ask(n, url(cache_control=KEPT, n=3_000_000))
    check(not ask(n, url(cache_control=KEPT, n=3_000_000)).hit, "too large")
    # Other requests are other responses.
    for target, fields in ((page + "&x=1", {}), (page, {"Host": "other.example"}), (page, {"Host": f"127.0.0.1:{n.port}", "X_Original_URL": "/"})):
        check(not ask(n, target, **fields).hit, f"{target} {fields}")
    vary = url(cache_control=KEPT, vary="X-Unkeyed")
    check([ask(n, vary, X_Unkeyed=one).hit for one in "abab"] == [False, False, True, True] and b" b\n" in ask(n, vary, X_Unkeyed="b").body, "Vary")
    check(ask(n, vary).cache == "aotc-node; fwd=vary-miss; stored", "Vary, none of them")
    # What is not to be kept is not.
    for control in ("no-store", "private, max-age=60", "no-cache", "max-age=0", ""):
        target = url(cache_control=control)
        check(ask(n, target).cache == "aotc-node; fwd=uri-miss" and not ask(n, target).hit, control)
    for status in (400, 403, 500, 503):
        target = url(cache_control=KEPT, status=status)
        check(ask(n, target).status == status and not ask(n, target).hit, status)
    for status in (301, 404, 204):
        target = url(cache_control=KEPT, status=status)
        check(ask(n, target).status == status and ask(n, target).hit and ask(n, target).status == status, status)
    # What a client says does not make a program run, and it may ask for what is there, or nothing.
    check(ask(n, page, Cache_Control="no-cache", Pragma="no-cache").hit, "reload")
    check(ask(n, url(cache_control=KEPT, x="none"), Cache_Control="only-if-cached").status == 504 and ask(n, page, Cache_Control="only-if-cached").hit, "only-if-cached")
    # A request that may change it does.
    check(ask(n, page, "POST", body=b"x").cache == "aotc-node; fwd=method" and not ask(n, page).hit, "POST")
    check(ask(n, page, "POST", body=b"x", X_Fail="403").status == 403 and ask(n, page).hit, "a POST that is refused")

    # Many ask at once: one has it made.
    before = runs(n)
    crowd = together(n, url(cache_control=KEPT, x="crowd", ms=300), 40)
    check(len({one.number for one in crowd}) == 1 and runs(n) == before + 1, crowd)
    check(results(n)["collapsed"] >= 30 and any(one.cache == "aotc-node; fwd=uri-miss; collapsed" for one in crowd), results(n))
    # What turns out to be each one's own is made for each, and nobody has waited for the end of another's.
    before = runs(n)
    own = together(n, url(cache_control="private", x="own", ms=300), 20)
    check(len({one.number for one in own}) == 20 and runs(n) == before + 20, own)
    # When the one has left, or has failed, somebody else does it.
    target = url(cache_control=KEPT, x="left", ms=500)
    with connect(n.port) as leaves:
        leaves.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{n.port}\r\n\r\n".encode())
        n.wait_metric("^aotc_instances", 1)
        answers = []
        waits = threading.Thread(target=lambda: answers.extend(together(n, target, 10)))
        waits.start()
        time.sleep(0.1)
    waits.join()
    check(len({one.number for one in answers}) == 1 and {one.status for one in answers} == {200}, answers)
    # One that does not end holds nobody up for long, nor does one whose client does not take it.
    with connect(n.port) as endless, connect(n.port) as slow:
        endless.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        slow_target = url(cache_control=KEPT, x="slow", n=1_900_000)
        slow.sendall(f"GET {slow_target} HTTP/1.1\r\nHost: 127.0.0.1:{n.port}\r\n\r\n".encode())
        until(lambda: ask(n, slow_target).hit, "what a slow client had made")
        with connect(n.port) as next_one:
            next_one.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            check(b"tick" in next_one.recv(65536) + next_one.recv(65536), "the endless one")

    # The operator.
    def purge(query, method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", n.admin, timeout=PATIENCE)
        connection.request(method, "/purge" + query)
        response = connection.getresponse()
        return response.status, response.read().decode()

    ask(n, page)
    check(purge("?app=site&path=" + urllib.parse.quote(page)) == (200, "2 responses purged\n") and not ask(n, page).hit, "purge a path, of all hosts")
    check(purge("?app=site&path=/nothing*") == (200, "0 responses purged\n") and ask(n, page).hit, "purge nothing")
    check(purge("?app=other")[0] == 404 and purge("?app=site", "GET")[0] == 404 and purge("?app=site&path=x")[0] == 400 and purge("")[0] == 400, "wrong purges")
    check(n.metric("^aotc_response_cache_bytes") > 1_500_000 and n.metric("^aotc_response_cache_responses") > 10, "what is held")
    check(purge("?app=site")[0] == 200 and n.metric("^aotc_response_cache_responses") == 0 and not ask(n, page).hit, "purge all")
    # Another process begins empty, and nobody is answered by the one before.
    check(ask(n, page).hit, "kept again")
    n.process.send_signal(signal.SIGHUP)
    n.wait_log("ready", 1)
    until(lambda: len(n.tenants()) == 1, "the old process has ended")
    check(not ask(n, page).hit, "a reload")
    n.kill()
    n.wait_log("ready", 2)
    until(lambda: ask(n, page).status == 200, "it serves again")
    check(n.metric("^aotc_response_cache_responses") <= 1, "a restart")

# Times: what is over is made anew, while clients have what there is; or when that fails.
with node([f"site={artifact}"], *CACHE) as n:
    short = url(cache_control="max-age=1")
    number = ask(n, short).number
    until(lambda: ask(n, short).number != number, "it is over")
    check(ask(n, short).hit, "the next one is kept")
    stale = url(cache_control="max-age=1, stale-while-revalidate=600", etag='"a"', ms=200)
    number = ask(n, stale).number
    until(lambda: "ttl=0" in ask(n, stale).cache or "ttl=-" in ask(n, stale).cache, "stale")
    until(lambda: ask(n, stale).number != number, "made anew")
    check(results(n)["stale"] > 0 and results(n)["collapsed"] == 0, f"nobody has waited: {results(n)}")
    for fails, status in (("500", 500), ("503", 503), ("panic", 502)):
        last = url(cache_control="max-age=1, stale-if-error=600", x=fails)
        number = ask(n, last).number
        until(lambda: (one := ask(n, last, X_Fail=fails)).cache.startswith("aotc-node; fwd=stale") and one.number == number and one.status == 200, f"stale if {fails}")
        check(ask(n, last + "&x=other", X_Fail=fails).status == status, f"without one: {fails}")
        check(ask(n, last).number != number, f"it is made as soon as that works: {fails}")
    # What was broken off is not kept.
    half = url(cache_control=KEPT, x="half")
    with connect(n.port) as breaks:
        breaks.sendall(f"GET {half} HTTP/1.1\r\nHost: 127.0.0.1:{n.port}\r\nX-Fail: half\r\n\r\n".encode())
        check(b"half of it" in read_all(breaks), "half")
    check(not ask(n, half).hit and ask(n, half).hit, "not kept")
    # The program says that a client has what is kept: that is fresh again.
    again = url(cache_control="max-age=1", etag='"a"')
    number = ask(n, again).number
    until(lambda: not ask(n, again, If_None_Match='"a"').hit, "over")
    check((one := ask(n, again)).hit and one.number == number, one)

# Compressed: each gets what it understands.
with node([f"site={artifact}"], *CACHE, "--compress") as n:
    page = url(cache_control=KEPT, content_type="text/plain", n=5000, etag='"v"')
    plain = ask(n, page).body
    zipped = [ask(n, page, Accept_Encoding=accepted) for accepted in ("gzip", "deflate, gzip", "gzip;q=0.5, deflate", "GZIP,deflate")]
    check([one.hit for one in zipped] == [False, False, True, True] and all(one.fields["Content-Encoding"] == "gzip" for one in zipped), zipped)
    check(gzip.decompress(zipped[2].body)[32:] == plain[32:] and ask(n, page).body == plain and ask(n, page).hit, "each its own")
    check(ask(n, page, Accept_Encoding="gzip", If_None_Match='W/"v"').status == 304, "a weak tag")
    check(ask(n, page, Accept_Encoding="gzip", Range="bytes=0-9").status == 200, "no part of what may differ")

# Behind a handler: it sees every request, and what is kept is the app's.
with node([f"site={handler},{artifact}"], *CACHE, up=False) as n:
    n.wait_log("ready", 1)
    page = url(cache_control=KEPT, n=600_000)
    bodies = {ask(n, page).body for _ in range(4)}
    check(len(bodies) == 1 and runs(n) == 1 and n.metric('^aotc_run_seconds_count.*app="site.1"') >= 4, "behind a handler")

# That of a handler keeps what leaves it: neither it nor the app sees what is there.
with node([f"site={handler},{artifact}"], "--response-cache", "site.1=16M", "--deadline", "10s", up=False) as n:
    n.wait_log("ready", 1)
    page = url(cache_control=KEPT)
    bodies = {ask(n, page).body for _ in range(4)}
    check(len(bodies) == 1 and runs(n) == 1 and n.metric('^aotc_run_seconds_count.*app="site.1"') <= 2, "a handler's")
    check(n.metric('^aotc_response_cache_requests_total.*app="site.1".*"hit"') == 3, "three hits")

# A canary has its own, and what it is told of the app holds for it, too.
with node([f"site={artifact}"], *CACHE, "--canary", f"site={artifact}", "--canary-header", "site:x-env=canary") as n:
    n.wait_log("ready", 1)
    page = url(cache_control=KEPT)
    stable, canary = ask(n, page), ask(n, page, X_Env="canary")
    check(not canary.hit and stable.number != canary.number, "its own")
    check(ask(n, page).number == stable.number and ask(n, page, X_Env="canary").number == canary.number and ask(n, page, X_Env="canary").hit, "each its own")
sys.exit(0)
