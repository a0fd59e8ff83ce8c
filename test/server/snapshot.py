# A Go program is frozen where it waits for input: artifact, snapshot and report are layers, the snapshot the same for all
# platforms; `aotc pull` puts them together. What cannot be frozen says why; a job that is cancelled ends its program.
# REQUIRES: go-1.26
# RUN: %go-build 1.26 %S/../freeze/Inputs/stdin.go %t.filter.wasm && %go-build 1.26 %S/../freeze/Inputs/busy.go %t.ends.wasm
# RUN: %go-build 1.26 %S/Inputs/forever.go %t.forever.wasm && %go-build 1.26 %S/../freeze/Inputs/last_words.go %t.words.wasm
# RUN: %python %s %t %t.filter.wasm %t.ends.wasm %t.forever.wasm %t.words.wasm
import json
import os
import subprocess
import sys
import time

from harness import AOTC, Server, fresh_folder, hello_wasm

folder = fresh_folder()
program, ends, forever, words = (open(path, "rb").read() for path in sys.argv[2:6])
SNAPSHOT, REPORT = "application/vnd.aotc.snapshot.v1", "application/vnd.aotc.freeze-report.v1+json"
QUICK = "?tier=quick&name=app"


def layers(server, job, architecture):
    """Media type -> descriptor, of one platform."""
    index = server.get_json(f"/v2/app/manifests/{job['index']}")
    entry = next(m for m in index["manifests"] if m["platform"]["architecture"] == architecture)
    return {layer["mediaType"]: layer for layer in server.get_json(f"/v2/app/manifests/{entry['digest']}")["layers"]}


def inspect(path):
    return json.loads(subprocess.check_output([AOTC, "inspect", path, "--verify", "--json"]))


# A restart between the request and the work does not forget how the program is to be started.
with Server(folder, "--workers", "0") as server:
    queued = server.upload(program, QUICK + "&snapshot=required&env=MODE=a%20b&env=X=&arg=one&arg=&listeners=1")[1]
    assert queued["freeze"] == [["snapshot", "required"], ["listeners", "1"], ["rehearsal", "auto"], ["clock", "advance"], ["unique", "warmup"], ["env", "MODE=a b"], ["env", "X="],
                                ["arg", "one"], ["arg", ""]], queued
    other = server.upload(program, QUICK + "&snapshot=required&env=MODE=a%20b&env=X=&arg=one")[1]["id"]
    assert other != queued["id"] and server.request("DELETE", f"/v1/jobs/{other}")[0] == 202
with Server(folder) as server:
    job = server.wait(queued["id"])
    assert job["state"] == "done", job
    ours, theirs = layers(server, job, "amd64"), layers(server, job, "arm64")
    assert len(ours) == len(theirs) == 3 and ours[SNAPSHOT] == theirs[SNAPSHOT] and ours[REPORT] == theirs[REPORT]
    assert (ours[SNAPSHOT]["digest"], ours[SNAPSHOT]["size"]) == (job["snapshot"]["digest"], job["snapshot"]["size"])
    report = server.get_json(f"/v2/app/blobs/{ours[REPORT]['digest']}")
    assert report["frozen"] is True and "stdin" in report["waits_for"], report
    for target in ("x86_64", "aarch64"):
        subprocess.run([AOTC, "pull", f"127.0.0.1:{server.port}/app", "--target", target, "-o", f"{folder}/{target}.aotc"],
                       check=True, stdout=subprocess.DEVNULL)
        assert inspect(f"{folder}/{target}.aotc")["snapshot"]["waits_for"] == report["waits_for"]

    # The same start is known, another one was another job.
    assert server.upload(program, QUICK + "&snapshot=required&env=MODE=a%20b&env=X=&arg=one&arg=")[0] == 200

    # For another machine alone: the program still runs on this one.
    other = "x86_64" if os.uname().machine == "aarch64" else "aarch64"
    job = server.wait(server.upload(program, QUICK + f"&target={other}")[1]["id"])
    assert [a["target"] for a in job["artifacts"]] == [other] and job["snapshot"]["size"] > 0, job

    # It ends before it waits.
    job = server.wait(server.upload(ends, QUICK + "&target=host")[1]["id"])
    assert job["state"] == "done" and "it exited with code 5" in job["snapshot"]["reason"], job
    found = layers(server, job, {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine])
    assert SNAPSHOT not in found, found
    assert server.get_json(f"/v2/app/blobs/{found[REPORT]['digest']}") == {"frozen": False, "reason": job["snapshot"]["reason"]}
    job = server.wait(server.upload(ends, QUICK + "&target=host&snapshot=required")[1]["id"])
    assert job["state"] == "failed" and job["error"]["status"] == 422 and "no snapshot: " in job["error"]["detail"], job
    # With what it said last.
    job = server.wait(server.upload(words, QUICK + "&target=host&arg=lines")[1]["id"])
    said = job["snapshot"]["reason"].split("\n")
    assert len(said) == 21 and said[0].endswith("it exited with code 7 before it waited for input; its stderr ends with"), said
    assert said[1] == "line 2983 of stderr" and said[-2].startswith("bell \\x07, escape \\x1b[2J, c1 \\x9b2J, not UTF-8 \ufffd"), said
    job = server.wait(server.upload(words, QUICK + "&target=host&arg=panic&snapshot=required")[1]["id"])
    assert job["state"] == "failed" and "\npanic: a message\\x1b[2J above a long traceback\n...\n" in job["error"]["detail"], job
    job = server.wait(server.upload(ends, QUICK + "&target=host&snapshot=off")[1]["id"])
    assert job["state"] == "done" and "snapshot" not in job, job
    # A module that is not Go's is not run.
    job = server.wait(server.upload(hello_wasm(folder), QUICK + "&target=host")[1]["id"])
    assert job["state"] == "done" and "snapshot" not in job, job
    for wrong in ("name=", "tag=", "target=", "tier=", "snapshot=maybe", "env=X", "env==x", "listeners=10", "listeners=x", "arg=%00"):
        assert server.upload(ends, QUICK + "&" + wrong)[0] == 400, wrong

def programs_of(pid):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat, words = open(f"/proc/{entry}/stat").read(), open(f"/proc/{entry}/cmdline", "rb").read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == pid and b"--freeze" in words:
            found.append(int(entry))
    return found


# It never waits, and its time is over; or its job.
with Server(folder, "--freeze-timeout", "0.2s") as server:
    job = server.wait(server.upload(forever, QUICK + "&target=host")[1]["id"])
    assert job["state"] == "done" and "the timeout came before" in job["snapshot"]["reason"], job
with Server(folder, "--freeze-timeout", "10m") as server:
    job = server.upload(forever, QUICK + "&target=host&env=A=b")[1]["id"]
    while not programs_of(server.process.pid):
        time.sleep(0.01)
    assert server.request("DELETE", f"/v1/jobs/{job}")[0] == 202
    assert server.wait(job)["state"] == "cancelled" and programs_of(server.process.pid) == []
