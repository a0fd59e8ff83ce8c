"""client_to_cache.py ARTIFACT: clients of bad will and a response cache; see ../client_to_cache.test"""
import socket
import sys

from harness import check, connect, read_all, talk, until
from node import node

CACHE = ("--response-cache", "site=4M", "--response-cache", "shop=4M", "--deadline", "10s")
APPS = [f"site={sys.argv[1]}", f"shop={sys.argv[1]}"]
PAGE = "/?cache-control=max-age%3D600"


def ask(n, target=PAGE, fields="", host="site.example", method="GET", body="", port=None):
    answer = talk(port or n.port, f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n{body}".encode("latin-1"))
    head, _, rest = answer.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def hit(answer):
    return "Cache-Status: aotc-node; hit" in answer[0]


with node(APPS, *CACHE, "--route", "site.example=site", "--route", "shop.example=shop") as n:
    # What the response repeats, or goes by, is in the key, comes from the node, or is not kept: none of it reaches the next one who asks.
    evil = [
        {"fields": "X-Forwarded-Host: evil.example\r\n"}, {"fields": "X-Forwarded-Proto: evil\r\n"}, {"fields": "Forwarded: host=evil.example\r\n"},
        {"host": "site.example:1234"}, {"host": "SITE.EXAMPLE"}, {"target": f"http://site.example:99{PAGE}"},
        {"fields": "X-Host: evil.example\r\nX-Unkeyed: evil\r\n"}, {"fields": "X-Original-URL: /evil\r\nX-Unkeyed: evil\r\n"},
        {"fields": "X-Rewrite-URL: /evil\r\nX-Unkeyed: evil\r\n"}, {"fields": "X-HTTP-Method-Override: POST\r\nX-Unkeyed: evil\r\n"},
        {"fields": "Content-Length: 4\r\nX-Unkeyed: evil\r\n", "body": "evil"}, {"fields": "Transfer-Encoding: chunked\r\nX-Unkeyed: evil\r\n", "body": "4\r\nevil\r\n0\r\n\r\n"},
        {"method": "POST", "fields": "Content-Length: 0\r\nX-Unkeyed: evil\r\n"}, {"method": "OPTIONS", "fields": "X-Unkeyed: evil\r\n"},
        {"fields": "Cookie: session=evil\r\nX-Unkeyed: evil\r\n"}, {"fields": "Authorization: Basic evil\r\nX-Unkeyed: evil\r\n"},
        {"fields": "X: " + "y" * 20000 + "\r\nX-Unkeyed: evil\r\n"}, {"fields": "Cache-Control: no-store\r\nX-Unkeyed: evil\r\n"},
        {"fields": "Range: bytes=0-1\r\nX-Fail: 416\r\n"}, *({"fields": f"X-Fail: {status}\r\n"} for status in (400, 401, 403, 405, 413, 414, 431, 500, 503)),
        {"fields": "X-Fail: panic\r\n"}, {"fields": "X-Fail: half\r\n"}, {"fields": "If-Match: \"x\"\r\nX-Fail: 412\r\n"},
    ]
    for number, one in enumerate(evil):
        target = one.pop("target", PAGE) + f"&x={number}"
        ask(n, target, **one)
        head, body = ask(n, PAGE + f"&x={number}")
        check("200 OK" in head and b"\nsite.example http \n" in body and b"evil" not in body, f"{one} {head} {body}")
    # Two requests of one, on one connection: what is asked behind is not what the first is answered with.
    smuggled = f"GET {PAGE}&x=smuggle HTTP/1.1\r\nHost: site.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET {PAGE}&x=evil HTTP/1.1\r\nHost: site.example\r\nX-Unkeyed: evil\r\n\r\n"
    check(talk(n.port, smuggled.encode()).startswith(b"HTTP/1.1 400"), "two lengths")
    check(b"evil" not in ask(n, PAGE + "&x=smuggle")[1] and not hit(ask(n, PAGE + "&x=evil")), "smuggled")
    # A name that looks public makes nothing public: what is one user's own is not for the next.
    for path in ("/account/x.css", "/account;x.css", "/account%0a.css", "/account/..%2fx.css", "/account#.css", "/account.css"):
        for control in ("private%2C+max-age%3D600", "no-store", "", "max-age%3D600"):
            target = f"{path}?cache-control={control}"
            ask(n, target, "Cookie: session=mine\r\nX-Unkeyed: secret\r\n")
            check(b"secret" not in ask(n, target)[1] and b"secret" not in ask(n, target, "Cookie: session=other\r\n")[1], f"deceived: {target}")
    # Whoever logs in is not answered with what was kept for those who did not, either.
    ask(n)
    check(hit(ask(n)) and not hit(ask(n, fields="Cookie: a=b\r\n")) and not hit(ask(n, fields="Authorization: x\r\n")), "somebody")
    # One app never answers for another, whatever the target says.
    for target, host in ((PAGE, "shop.example"), (f"http://site.example{PAGE}", "site.example")):
        check(f"\n{host} http".encode() in ask(n, target, host="shop.example")[1], target)
    mine, other = ask(n, PAGE)[1][:32], ask(n, PAGE, host="shop.example")
    check(mine not in other[1] and ask(n, PAGE)[1][:32] == mine, "another app's")
    # Nobody purges but the operator.
    for method, target in (("POST", "/purge?app=site"), ("PURGE", PAGE), ("PURGE", "/*"), ("BAN", "/")):
        ask(n, target, method=method, fields="X-Fail: 405\r\n")
        check(hit(ask(n)), f"{method} {target}")

    # It stays within its bounds, and what others ask for is answered.
    for i in range(400):
        check("200 OK" in ask(n, f"{PAGE}&n=40000&x=fill{i}")[0], "filled")
    held = n.metric('^aotc_response_cache_bytes.*"site"')
    check(held <= 4 << 20 and n.metric('^aotc_response_cache_evictions_total.*"site"') > 200, f"{held} bytes")
    check(n.metric('^aotc_response_cache_responses.*"shop"') >= 1 and hit(ask(n, PAGE, host="shop.example")), "what other apps have stays")
    vary = PAGE + "&vary=User-Agent"
    for i in range(60):
        ask(n, vary, f"User-Agent: {i}\r\n")
    check(hit(ask(n, vary, "User-Agent: 59\r\n")) and not hit(ask(n, vary, "User-Agent: 0\r\n")), "variants")
    ask(n, PAGE + "&vary=" + ",".join(f"X-{i}" for i in range(50)))
    check(not hit(ask(n, PAGE + "&vary=" + ",".join(f"X-{i}" for i in range(50)))), "all too many names")
    for i in range(50):
        ask(n, f"{PAGE}&x={'y' * 8000}{i}")
    check(n.metric('^aotc_response_cache_bytes.*"site"') <= 4 << 20, "long names")

    # Who has something made for all, and takes none of it or leaves, does not keep it from them.
    target = PAGE + "&n=450000&x=slow"
    slow = []
    for _ in range(20):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", n.port))
        one.sendall(f"GET {target} HTTP/1.1\r\nHost: site.example\r\n\r\n".encode())
        slow.append(one)
    check(len(ask(n, target)[1]) > 450000, "behind slow ones")
    for one in slow:
        one.close()
    target = PAGE + "&ms=300&x=leave"
    for _ in range(10):
        leaves = connect(n.port)
        leaves.sendall(f"GET {target} HTTP/1.1\r\nHost: site.example\r\n\r\n".encode())
        leaves.close()
    check("200 OK" in ask(n, target)[0], "behind those who left")
    # Pipelined without end, and nothing of it taken: he gets no more than he takes.
    with connect(n.port) as greedy:
        greedy.settimeout(2)
        request = f"GET {PAGE}&n=40000&x=fill399 HTTP/1.1\r\nHost: site.example\r\n\r\n".encode()
        sent = 0
        try:
            while sent < 64 << 20:
                sent += greedy.send(request * 100)
        except TimeoutError:
            pass
        check(sent < 64 << 20 and n.metric("^aotc_client_bytes") < 4 << 20, "greedy")
        check("200 OK" in ask(n)[0], "beside the greedy one")
    until(lambda: n.metric("^aotc_instances") == 0, "nothing goes on")
    check(len(n.tenants()) == 2, "nobody has ended")

# A proxy that passes on what its clients say of where they go: each has his own.
with node(APPS[:1], *CACHE[:2], *CACHE[4:], "--trusted-proxies", "127.0.0.1") as n:
    for fields in ("X-Forwarded-Host: evil.example\r\n", "X-Forwarded-Prefix: /evil\r\n", "Forwarded: for=1.2.3.4;host=evil.example\r\n", "X-Forwarded-Proto: evil\r\n"):
        ask(n, PAGE, fields + "X-Unkeyed: evil\r\n")
        check(b"evil" not in ask(n, PAGE)[1], fields)
    ask(n, PAGE, "X-Forwarded-For: 5.6.7.8, 9.10.11.12\r\n")
    check(hit(ask(n, PAGE, "X-Forwarded-For: 1.2.3.4\r\n")), "whom it comes from makes no difference")
    with connect(n.port) as one:
        one.sendall(f"GET {PAGE} HTTP/1.0\r\n\r\n".encode())
        check(b"200 OK" in read_all(one), "no host")
