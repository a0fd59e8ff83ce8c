# A server that is compiled with warm-up requests answers them before it is frozen, and its clones go on counting from there.
# The bytes of the requests are a part of what is asked: the same ones are one job, others another, also after a restart.
# REQUIRES: go-1.26
# RUN: %go-build 1.26 %S/../freeze/Inputs/warmup.go %t.wasm && %python %s %t %t.wasm
import base64
import json
import os
import subprocess
import sys
import urllib.parse

from harness import AOTC, Server, fresh_folder, sha256

folder = fresh_folder()
program = open(sys.argv[2], "rb").read()
FETCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../freeze/Inputs/fetch.py")
# The second one has bytes that are no UTF-8 and no text, which a query and JSON could not hold as they are.
GET = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\0\xff\xfe%"
OPTIONS = {"tier": "quick", "target": "host", "name": "app", "snapshot": "required", "arg": "http", "unique": "report"}


def coded(*requests):
    return [base64.b64encode(request).decode() for request in requests]


def query(*requests, **options):
    return "?" + urllib.parse.urlencode({**OPTIONS, **options, "warmup": coded(*requests)}, doseq=True)


def known(server, job, *requests):
    document = json.dumps({**OPTIONS, "module": job["module"], "warmup": coded(*requests)})
    status, _, body = server.request("POST", "/v1/compile", document, {"Content-Type": "application/json"})
    return status, json.loads(body)


with Server(folder, "--workers", "0") as server:
    status, queued = server.upload(program, query(GET, POST))
    assert status == 202 and queued["freeze"][-2:] == [["warmup", text] for text in coded(GET, POST)], queued
    assert known(server, queued, GET, POST)[1]["id"] == queued["id"]
    assert server.stats()["single_flight_hits"] == 1
    off = server.upload(program, query(GET, POST, rehearsal="off"))[1]
    assert ["rehearsal", "off"] in off["freeze"] and server.request("DELETE", f"/v1/jobs/{off['id']}")[0] == 202, off
    assert server.upload(b"refused before it is read", query(rehearsal="on"))[0] == 400
    for name in ("env", "arg"):
        status, answer = server.upload(b"likewise", query() + f"&{name}=A=%FF")
        assert status == 400 and "UTF-8 only" in answer["detail"], answer
    others = [server.upload(program, query(*requests))[1]["id"] for requests in ((), (GET,), (POST, GET), (GET, POST + b" "))]
    assert len({queued["id"], off["id"], *others}) == 6, others
    for other in others:
        assert server.request("DELETE", f"/v1/jobs/{other}")[0] == 202

    large = GET[:-2] + b"A: " + b"a" * (8192 - len(GET) - 5) + b"\r\n\r\n"
    assert len(large) == 8192
    status, job = server.upload(program, query(large))
    assert status == 202 and server.request("DELETE", f"/v1/jobs/{job['id']}")[0] == 202
    for refused in ((large, b"x"), (b"",), (large + b"x",)):
        status, answer = server.upload(b"refused before it is read", query(*refused))
        assert status == 400 and answer["detail"].startswith("warmup: "), answer
        assert known(server, queued, *refused)[0] == 400
    status, answer = server.upload(b"likewise", query() + "&warmup=GET%20/")
    assert status == 400 and answer["detail"].startswith("warmup: "), answer

subprocess.run([AOTC, "keygen", "--cosign", f"{folder}/cosign"], check=True, stdout=subprocess.DEVNULL)
with Server(folder, "--cosign-key", f"{folder}/cosign.key") as server:
    job = server.wait(queued["id"])
    assert job["state"] == "done", job
    # What it was frozen with is attested, but not shown: requests and arguments may have secrets in them.
    layer = server.get_json(f"/v2/app/manifests/{job['index'].replace(':', '-')}.att")["layers"][0]
    origin = json.loads(base64.b64decode(json.loads(server.get(f"/v2/app/blobs/{layer['digest']}"))["payload"]))
    told = origin["predicate"]["buildDefinition"]["externalParameters"]["options"]
    hidden = lambda name, value: value if name not in ("arg", "warmup") else sha256(value.encode())
    assert told == [[name, hidden(name, value)] for name, value in queued["freeze"]] and ["snapshot", "required"] in told, told
    subprocess.run([AOTC, "pull", f"127.0.0.1:{server.port}/app", "-o", f"{folder}/app.aotc"], check=True, stdout=subprocess.DEVNULL)
    warmup = json.loads(subprocess.check_output([AOTC, "inspect", f"{folder}/app.aotc", "--json"]))["snapshot"]
    assert warmup["rehearsed"]
    warmup = warmup["warmup"]
    assert warmup["requests"] == 2 and warmup["last_status"] == 200, warmup
    for _ in range(2):
        said = subprocess.check_output([sys.executable, FETCH, AOTC, "run", f"{folder}/app.aotc", "--tcplisten", "127.0.0.1:PORT",
                                        "--", "http"], text=True)
        assert said.startswith("request 3, "), said

    # The command line asks the same.
    for name, request in (("get", GET), ("post", POST)):
        with open(f"{folder}/{name}.http", "wb") as file:
            file.write(request)
    command = [AOTC, "compile", sys.argv[2], "--server", f"http://127.0.0.1:{server.port}", "--name", "app", "--tier", "quick",
               "--target", "host", "--snapshot", "required", "--unique", "report", "--arg", "http"]
    compiled = server.stats()["compiled"]
    said = subprocess.check_output([*command, "--warmup-request", f"{folder}/get.http", "--warmup-request", f"{folder}/post.http"], text=True)
    assert said.endswith(job["index"] + "\n") and server.stats()["compiled"] == compiled, said
    with open(f"{folder}/large.http", "wb") as file:
        file.write(large)
    result = subprocess.run([*command, *["--warmup-request", f"{folder}/large.http"] * 2], capture_output=True, text=True)
    assert result.returncode == 2 and "--warmup-request: more than 8192 bytes, which is what a server takes" in result.stderr, result

    # What it does instead of answering is why there is no snapshot.
    job = server.wait(server.upload(program, query(GET.replace(b"/stream", b"/exit"), snapshot="auto"))[1]["id"])
    assert job["state"] == "done" and "it exited with code 9 before it answered the warm-up request" in job["snapshot"]["reason"], job
