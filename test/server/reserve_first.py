# Nothing is kept that no quota allows: room is reserved before a byte is stored and given back when an upload is refused,
# cut off or lost with the server, and when its job ends badly. What a tenant has, garbage and records included, and what is
# promised to it are together never more than its quota.
# RUN: %python %s %t
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from harness import Server, StoreFiles, connect, fresh_folder, hello_wasm, padded, sha256, until, write_tokens

MIB = 1 << 20
OPTIONS = "?tier=quick&target=host&snapshot=off&name="
folder = fresh_folder()
hello = hello_wasm(folder)


def module(number, size):
    return padded(hello, random.Random(number).randbytes(size))


def head(user, options, field):
    return (f"POST /v1/compile{options} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n{field}\r\n\r\n").encode()


def chunked(data):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part)
                    for part in (data[i:i + 100_000] for i in range(0, len(data), 100_000))) + b"0\r\n\r\n"


def status(answer):
    return int(answer.split(b" ", 2)[1])


def begin(server, data):
    connection = connect(server.port)
    connection.sendall(data)
    return connection


tenants = {name: {"tokens": {name: ["pull", "push"]}, **quotas}
           for name, quotas in (("small", {"bytes": MIB}), ("busy", {"jobs": 1}), ("tight", {"bytes": 12_000}),
                                ("tags", {"bytes": 200_000}), ("many", {"bytes": MIB}), ("evict", {"bytes": MIB, "evict": True}))}
tokens = write_tokens(folder, tenants)
server = Server(folder, "--token-file", tokens, "--workers", "0", "--grace", "1h")
small, busy, tight, tags, many, evict, root = (server.as_user(name) for name in [*tenants, "root"])


def start(*options):
    server.options = ("--token-file", tokens, "--grace", "1h", "--no-request-log", *options)
    server.start()
    for user in (small, busy, tight, tags, many, evict, root):
        user.port, user.process = server.port, server.process


def stored():
    return root.stats()["store_bytes"]


def settled():
    """Nothing is promised any more; what is stored then."""
    until(lambda: root.stats()["reserved_bytes"] == 0)
    return stored()


start("--workers", "0")
# Refused uploads, with their length announced or not.
for number in range(12):
    answer = server.talk(head(small, OPTIONS + "small/m", "Transfer-Encoding: chunked") + chunked(module(number, 3 * MIB)))
    assert status(answer) == 403 and b"1048576 bytes" in answer, answer[:200]
assert stored() == 0, stored()
assert small.upload(module(0, 3 * MIB), OPTIONS + "small/m")[0] == 403
assert settled() == 0

# A full queue.
answer, first = busy.upload(module(1, 1000), OPTIONS + "busy/m")
assert answer == 202
held = settled()
for number in range(10):
    assert busy.upload(module(number, MIB), OPTIONS + f"busy/m{number}")[0] == 429
    answer = server.talk(head(busy, OPTIONS + "busy/m", "Transfer-Encoding: chunked") + chunked(module(number, MIB)))
    assert status(answer) == 429, answer[:200]
assert settled() == held, (stored(), held)

# Many at once: together no more than the quota.
with ThreadPoolExecutor(100) as pool:
    uploads = list(pool.map(lambda n: many.upload(module(n, 300_000), OPTIONS + f"many/m{n}"), range(100)))
answers = [answer for answer, _ in uploads]
assert set(answers) == {202, 403} and 1 <= answers.count(202) <= 3, answers
assert settled() - held <= MIB, (stored(), held)
held = stored()

# Lengths that are lies, bodies that are cut off: what they had is given back, what they were refused is not counted.
assert status(server.talk(head(small, OPTIONS + "small/m", f"Content-Length: {2 * MIB}"))) == 403
promises = [begin(server, head(small, OPTIONS + "small/m", "Content-Length: 250000") + b"\0asm") for _ in range(4)]
until(lambda: root.stats()["reserved_bytes"] == 1_000_000)
assert small.upload(module(0, 100_000), OPTIONS + "small/m")[0] == 403, "the rest of the quota is promised"
promises[0].close()
until(lambda: root.stats()["reserved_bytes"] == 750_000)
promises[1].shutdown(socket.SHUT_WR)
until(lambda: root.stats()["reserved_bytes"] == 500_000)
growing = begin(server, head(small, OPTIONS + "small/m", "Transfer-Encoding: chunked") + chunked(module(0, 300_000))[:-5])
until(lambda: root.stats()["reserved_bytes"] > 750_000)
half_a_chunk = begin(server, head(small, OPTIONS + "small/m", "Transfer-Encoding: chunked") + b"40000\r\nabc")

# kill -9 with all of these under way.
server.kill()
for connection in (*promises, growing, half_a_chunk):
    connection.close()
start("--workers", "0")
assert settled() == held, (stored(), held)
assert small.upload(module(0, 900_000), OPTIONS + "small/m")[0] == 202, "nothing is promised to anybody"
assert small.upload(module(1, 200_000), OPTIONS + "small/n")[0] == 403
server.__exit__(None, None, None)

# What a crash left between storing a module and its job goes at the start, not after --grace.
store = StoreFiles(server.data)
key = sha256(module(0, 900_000)).encode() + b"\0small"
store.delete("owners", key)
store.put("garbage", key, int(time.time()).to_bytes(8, "little"))
job = next(line for line in store.edit("list", "jobs", b"").split() if bytes.fromhex(line).startswith(b"small\0"))
store.delete("jobs", bytes.fromhex(job))
start("--workers", "1", "--threads", "1")
for user, job in [(busy, first), *((many, job) for answer, job in uploads if answer == 202)]:
    assert user.wait(job["id"])["state"] in ("done", "failed")
    # Its end can be read before what it had is dropped; then it is in the log.
    until(lambda: any(f'"job":"{job["id"]}"' in line and '"message":"job ' in line for line in open(server.log)))

# What a job makes is reserved as well: the module alone fits. A job that ends badly leaves nothing.
before = settled()
assert before < held + 900_000
answer, job = tight.upload(module(0, 1000), OPTIONS + "tight/m")
assert answer == 202, job
job = tight.wait(job["id"])
assert job["state"] == "failed" and job["error"]["status"] == 403 and "12000 bytes" in job["error"]["detail"], job
until(lambda: settled() == before)  # its end is told first
for number in range(5):
    answer, job = small.upload(random.Random(number).randbytes(700_000), OPTIONS + "small/m")
    assert answer == 202 and small.wait(job["id"])["state"] == "failed", job
    until(lambda: settled() == before)

# Images are evicted where the quota says so, and what they had is there at once.
for number in range(4):
    job = evict.wait(evict.upload(module(number, 400_000), OPTIONS + f"evict/m{number}")[1]["id"])
    assert job["state"] == "done", job
    assert settled() - before <= MIB, stored()

# Records are bytes, too: names for an image cost something.
job = tags.wait(tags.upload(hello, OPTIONS + "tags/m")[1]["id"])
assert job["state"] == "done", job
long = "x" * 100
for number in range(1000):
    answer = tags.upload(hello, OPTIONS + f"tags/{long}&tag={long}{number}")[0]
    if answer != 200:
        break
assert answer == 403 and number > 10, (answer, number)
server.__exit__(None, None, None)
