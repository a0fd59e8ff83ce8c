"""release.py FOLDER"""
import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading

from harness import AOTC, Server, check, fresh_folder, sha256, until, write_tokens
from node import get, node
from versions import version

folder = fresh_folder()
for name in ("one", "two", "bad"):
    version(folder, name, traps="*" if name == "bad" else "")


def aotc(*words, code=0):
    done = subprocess.run([AOTC, *words], capture_output=True, text=True, env={"HOME": folder, "AOTC_TOKEN": "secret", "PATH": os.environ["PATH"], "AOTC_CACHE": "off"})
    check(done.returncode == code, (words, done.stdout, done.stderr))
    return done.stdout if code == 0 else done.stderr


class Clients:
    """Ask all nodes again and again; `wrong` is all that is no 200, `answers` what was said."""

    def __init__(self, nodes, fields=()):
        self.fields = dict(fields)
        self.going, self.asked, self.wrong, self.answers = True, 0, [], set()
        self.threads = [threading.Thread(target=self._run, args=(n.port,)) for n in nodes]

    def _run(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while self.going:
            connection.request("GET", "/x", headers={"X-User": str(self.asked), **self.fields})
            response = connection.getresponse()
            body = response.read()
            self.asked += 1
            self.answers.add(body.decode().strip())
            if response.status != 200:
                self.wrong.append((response.status, body))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *ignored):
        self.going = False
        for thread in self.threads:
            thread.join()


def ask(n, fields):
    connection = http.client.HTTPConnection("127.0.0.1", n.port)
    connection.request("GET", "/x", headers=fields)
    return connection.getresponse().read().decode().strip()


def all_answer(text, fields=()):
    until(lambda: all(ask(n, dict(fields)) == text for n in nodes), f"{text} everywhere")


aotc("keygen", f"{folder}/fleet")
aotc("keygen", f"{folder}/other")
sign = ("--sign-key", f"{folder}/fleet.key")
tokens = write_tokens(folder, {"acme": {"tokens": {"secret": ["pull", "push"]}}})
with open(f"{folder}/token", "w") as file:
    file.write("secret\n")
with Server(folder, "--token-file", tokens, "--sign-key", f"{folder}/fleet.key") as server, contextlib.ExitStack() as stack:
    host = f"127.0.0.1:{server.port}"
    app = f"{host}/acme/app"
    index = {}
    for tag, name in (("v1", "one"), ("v2", "two"), ("v3", "bad")):
        said = aotc("compile", f"{folder}/{name}.wasm", "--server", f"http://{host}", "--name", f"acme/app:{tag}", "--tier", "quick", "--target", "host", "--snapshot", "required")
        index[name] = said.split()[-1]

    # What cannot be released.
    for words, reason in (((app, "--trust", f"{folder}/fleet.pub"), "has no release"), ((app, "--canary", "v2", *sign), "has no release yet, which needs --stable"),
                          ((app, "--stable", "v9", *sign), "acme/app"), ((app, "--stable", "v1", "--sign-key", f"{folder}/fleet.pub"), "fleet.pub")):
        check(reason in aotc("release", *words, code=1), words)
    for words, reason in (((app, "--stable", "v1"), "missing option: --sign-key"), ((app,), "missing option: --trust"), ((app + ":v1", "--stable", "v1", *sign), "a repository is needed, without a tag"),
                          ((app, "--stable", "v1", "--weight", "5", *sign), "--weight, --header and --cookie are for: --canary"), ((host, "--stable", "v1", *sign), "a repository is needed"),
                          ((app, "--canary", "v1", "--header", "x env=1", *sign), "--header: expected NAME=VALUE: x env=1"), ((app, "--canary", "v1", "--cookie", "env", *sign), "--cookie: expected NAME=VALUE: env"),
                          ((app, "--canary", "v1", "--weight", "101", *sign), "must be from 0% to 100%")):
        check(reason in aotc("release", *words, code=2), (words, reason))
    check(aotc("tag", f"{app}:v1", "first") == f"{app}:first: {index['one']}\n", "one more tag")
    check("not a tag: a/b" in aotc("tag", app, "a/b", code=2), "no tag")
    check(f"{index['one']}" in aotc("release", app, "--stable", "first", *sign), "the first")
    check("has no canary to promote" in aotc("promote", app, *sign, code=1) and "has no release to go back to" in aotc("rollback", app, *sign, code=1), "nothing before it")
    check("not signed by a trusted key" in aotc("release", app, "--trust", f"{folder}/other.pub", code=1), "another key")

    nodes = [stack.enter_context(node([f"site=oci://{app}:aotc-release"], "--trust", f"{folder}/fleet.pub", "--poll", "50ms", "--cache", f"{folder}/cache{i}", "--token-file", f"{folder}/token",
                                      "--canary-sticky", "site=header:x-user", "--health", "/h")) for i in range(2)]
    with Clients(nodes) as clients:
        all_answer("one")
        # A canary, of which both say the same.
        shown = json.loads(aotc("release", app, "--canary", "v2", "--weight", "30", "--header", "x-env=canary", *sign, "--json"))
        check((shown["stable"], shown["canary"], shown["weight"], shown["headers"]) == (index["one"], index["two"], 30, {"x-env": "canary"}), shown)
        all_answer("two", {"X-Env": "canary"})
        users = [{str(user) for user in range(300) if ask(n, {"X-User": str(user)}) == "two"} for n in nodes]
        check(users[0] == users[1] and 60 < len(users[0]) < 120, users)
        print(f"a canary of 30 %: {len(users[0])} of 300 users, the same on {len(nodes)} nodes")
        canary = json.loads(get(nodes[0].admin, "/releases")[1])[1]
        check(canary["release"] == "canary" and canary["index"] == index["two"] and canary["weight"] == 30, canary)

        # It becomes what all have, and goes back.
        with Clients(nodes, {"X-Env": "canary"}) as users:
            before = json.loads(aotc("promote", app, *sign, "--in", "1s", "--json"))
            check(before["from"] == before["issued"] + 1 and before["stable"] == index["two"] and before["previous"] == index["one"], before)
            all_answer("two")
            for n in nodes:
                n.wait_log("there is no canary any more")
        check(users.answers == {"two"} and users.wrong == [], (users.answers, "who has it keeps it"))
        check(all(len(json.loads(get(n.admin, "/releases")[1])) == 2 and ask(n, {"X-Env": "canary"}) == "two" for n in nodes), "no canary")
        check(f"stable    {index['one']}" in aotc("rollback", app, *sign), "back")
        all_answer("one")

        # One that is not well gets no client, on any node, nor does the canary before get its.
        check(json.loads(aotc("release", app, "--canary", "v2", "--header", "x-env=canary", *sign, "--json"))["from"] == 0, "at once")
        all_answer("two", {"X-Env": "canary"})
        with Clients(nodes) as others:
            aotc("release", app, "--canary", "v3", "--weight", "100", "--header", "x-env=canary", *sign)
            for n in nodes:
                n.wait_log("no client is led to its process")
            all_answer("one", {"X-Env": "canary"})
        check(others.answers == {"one"}, others.answers)
        for n in nodes:
            n.wait_log("the canary is given up: /h: the app failed")
            check(json.loads(get(n.admin, "/releases")[1])[1]["state"] == "given up", "and nothing is started again")
        # Neither does one that ends again and again.
        aotc("release", app, "--canary", "v2", "--header", "x-env=canary", *sign)
        all_answer("two", {"X-Env": "canary"})
        canaries = lambda: {pid for pid in nodes[0].tenants() if b"name=site.canary" in nodes[0]._words(pid)}
        ends = set()
        while not any("has ended 3 times in a minute" in line["message"] for line in nodes[0].lines):
            for pid in canaries() - ends:
                ends.add(pid)
                os.kill(pid, signal.SIGKILL)
        polls = nodes[0].metric('pulls_total.*result="same"')
        until(lambda: nodes[0].metric('pulls_total.*result="same"') > polls + 4, "more polls")
        check(len(ends) == 3 and canaries() == set() and ask(nodes[0], {"X-Env": "canary"}) == "one", ends)
        check(sum("the canary is given up" in line["message"] for line in nodes[0].lines) == 2, "once each")
        aotc("rollback", app, *sign)
        # Who has not heard of it would take the same one, wanted again, for the one that was given up.
        until(lambda: not any(b"given up" in get(n.admin, "/releases")[1] for n in nodes), "it is forgotten")
    check(clients.wrong == [] and clients.asked > 100, (clients.asked, clients.wrong[:3]))
    print(f"{clients.asked} requests, {len(clients.wrong)} failed")

    # What the registry can do: say what was said before, with the same number something else, what another has signed, or nothing.
    user = server.as_user("secret")
    get_manifest = lambda: user.request("GET", "/v2/acme/app/manifests/aotc-release")[2]

    def put_manifest(bytes):
        status, _, body = user.request("PUT", "/v2/acme/app/manifests/aotc-release", bytes, {"Content-Type": json.loads(bytes)["mediaType"]})
        check(status == 201, body)

    def refused(reason):
        for n in nodes:
            seen = sum(reason in line["message"] for line in n.lines)
            n.wait_log(reason, seen)
            check(ask(n, {}) == "one", reason)

    old = get_manifest()
    aotc("release", app, "--canary", "v2", "--header", "x-env=canary", *sign)
    all_answer("two", {"X-Env": "canary"})
    new = get_manifest()
    put_manifest(old)
    refused("was seen before")
    put_manifest(new)
    text = user.request("GET", "/v2/acme/app/blobs/" + json.loads(new)["layers"][0]["digest"])[2].decode()
    aotc_document = json.loads(new)

    def put_text(text):
        data = text.encode()
        status, _, body = user.request("POST", f"/v2/acme/app/blobs/uploads/?digest={sha256(data)}", data)
        check(status == 201, body)
        aotc_document["layers"][0].update(digest=sha256(data), size=len(data))
        put_manifest(json.dumps(aotc_document).encode())

    put_text(text.replace("x-env canary", "x-env stable"))
    refused("the signature is wrong")
    put_text(text.replace("\nissued ", "\nissued  "))
    refused("not a well-formed release")
    put_text("x" * 5000)
    refused("larger than any release")
    status, _, body = user.request("DELETE", "/v2/acme/app/manifests/aotc-release")
    check(status == 202, body)
    refused("the repository has no release document")
    check(ask(nodes[0], {"X-Env": "canary"}) == "two", "what was said last")
