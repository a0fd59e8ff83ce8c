# A tenant with a token against another: can it tell whether somebody else has a module, reach it, or take what the other
# may use? What is known is counted by the work done, which must be the same as for bytes that nobody has, write by write.
# RUN: %python %s %t
import http.client
import json
import random

from harness import Server, StoreFiles, fresh_folder, hello_wasm, padded, sha256, write_tokens

folder = fresh_folder()
hello = hello_wasm(folder)
SIZE = 5 << 20
known, unknown = (padded(hello, random.Random(number).randbytes(SIZE)) for number in range(2))
OPTIONS = "?tier=quick&target=host&snapshot=off"
NAMES = ("acme", "evil", "none")
tokens = write_tokens(folder, {name: {"tokens": {name: ["pull", "push"]}} for name in NAMES})
server = Server(folder, "--token-file", tokens, "--workers", "0", "--no-request-log")
acme, evil, none, root = (server.as_user(name) for name in (*NAMES, "root"))


def start(*options):
    server.options = ("--token-file", tokens, "--no-request-log", *options)
    server.start()
    for user in (acme, evil, none, root):
        user.port = server.port


def written_by_process():
    with open(f"/proc/{server.process.pid}/io") as file:
        return int(next(line for line in file if line.startswith("wchar")).split()[1])


def work(action):
    """What the store did for it, and the bytes that the process wrote to anything."""
    names = ("store_writes", "store_synced_writes", "store_written_bytes")
    before, bytes_before = root.stats(), written_by_process()
    result = action()
    bytes_after, after = written_by_process(), root.stats()
    return result, [after[name] - before[name] for name in names if name in after], bytes_after - bytes_before


def shape(answer):
    """An answer without what is different each time."""
    status, headers, body = answer
    for module in (known, unknown):
        body = body.replace(sha256(module).encode(), b"DIGEST").replace(sha256(module)[7:].encode(), b"DIGEST")
    document = json.loads(body) if body else None
    for name in ("id", "index"):
        if isinstance(document, dict) and name in document:
            document[name] = "ID"
    return status, sorted(set(headers) - {"date", "x-request-id", "location"}), document


def upload(user, module, options=OPTIONS):
    return user.request("POST", "/v1/compile" + options, module)


def ask(user, module):
    body = json.dumps({"module": sha256(module), "tier": "quick"})
    return user.request("POST", "/v1/compile", body, {"Content-Type": "application/json"})


# Looking it up, in every way.
start("--workers", "0")
assert upload(acme, known)[0] == 202
digest = {module: sha256(module) for module in (known, unknown)}
for method, path in (("HEAD", "/v2/evil/m/blobs/{}"), ("GET", "/v2/evil/m/blobs/{}"), ("GET", "/v2/evil/m/manifests/{}"),
                     ("GET", "/v2/evil/m/referrers/{}"), ("GET", "/v2/evil/modules/{}/tags/list"),
                     ("POST", "/v2/evil/m/blobs/uploads/?mount={}&from=acme/modules"), ("PUT", "/v2/evil/m/manifests/{}"),
                     ("DELETE", "/v2/evil/m/manifests/{}"), ("GET", "/v2/acme/m/blobs/{}")):
    answers = [evil.request(method, path.format(digest[module])) for module in (known, unknown)]
    expected = answers[0][0] == 202 if "mount" in path else answers[0][0] >= 400 or path.endswith("referrers/{}")
    assert shape(answers[0]) == shape(answers[1]) and expected, (method, path, answers)
assert shape(ask(evil, known)) == shape(ask(evil, unknown)) and ask(evil, known)[0] == 404

# Uploading it.
seen, cost_known, bytes_known = work(lambda: upload(evil, known))
fresh, cost_unknown, bytes_unknown = work(lambda: upload(none, unknown))
assert shape(seen) == (202, *shape(seen)[1:])
assert json.dumps(shape(seen)).replace("evil", "none") == json.dumps(shape(fresh)), (seen, fresh)
assert bytes_known >= 2 * SIZE and bytes_unknown >= 2 * SIZE, (bytes_known, bytes_unknown)  # a file, then the store
assert cost_known == cost_unknown and cost_known[2] > SIZE, (cost_known, cost_unknown)
# What a tenant has itself may be known to it.
again, cost_again, _ = work(lambda: upload(evil, known, OPTIONS + "&tag=v2"))
assert again[0] == 202 and cost_again[2] < 100_000, (again, cost_again)
server.__exit__(None, None, None)

# Compiling it: as many writes, of as many chunks, waited for as often.
start("--workers", "1", "--threads", "1")
for user, module in ((acme, known), (evil, known), (none, unknown)):
    assert user.wait(json.loads(upload(user, module)[2])["id"])["state"] == "done"
costs = []
for user, module in ((evil, known), (none, unknown)):
    done, cost, _ = work(lambda: user.wait(json.loads(upload(user, module, OPTIONS + "&cpu=x86-64-v2")[2])["id"]))
    assert done["state"] == "done", done
    costs.append(cost[:2])
assert costs[0] == costs[1], costs

# Nothing that happens to one's copy happens to the other's: it can be deleted and damaged.
name = "modules/" + sha256(known)[7:]
for entry in acme.get_json("/v1/modules")["modules"]:
    assert acme.request("DELETE", f"/v2/acme/{name}/manifests/{entry['index']}")[0] == 202
assert evil.get(f"/v2/evil/{name}/blobs/{sha256(known)}") == known
server.__exit__(None, None, None)
store = StoreFiles(server.data)
store.damage(sha256(known), 3, tenant="evil")
start("--workers", "0", "--scrub-rate", "0")
assert upload(acme, known)[0] == 202
try:
    assert evil.request("GET", f"/v2/evil/{name}/blobs/{sha256(known)}")[2] != known
except (OSError, http.client.IncompleteRead):
    pass  # cut off where it is damaged
assert root.stats()["damaged_blobs"] == 1
assert ask(evil, known)[0] == 404 and ask(acme, known)[0] == 202
server.__exit__(None, None, None)

# What is said of requests does not count those of others.
start("--workers", "0")
ids = []
for _ in range(2):
    ids.append(evil.request("GET", "/v2/")[1]["x-request-id"])
    for _ in range(3):
        acme.get("/v2/")
assert ids[0][:8] != ids[1][:8], ids
server.__exit__(None, None, None)
