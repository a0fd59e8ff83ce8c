"""revoked_fleet.py FOLDER ONE.wasm TWO.wasm: aotc-server revokes, by itself and by way of a real registry. Nodes poll when they
are told to."""
import os
import signal
import subprocess
import sys

from harness import AOTC, BIN, Server, check, docker_registry, fresh_folder, until
from node import get, node

folder = fresh_folder()
one, two = (open(path, "rb").read() for path in sys.argv[2:])
ONE, TWO = (200, b"version one\n"), (200, b"version two\n")


def run(*words):
    result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={"HOME": folder, "PATH": os.environ["PATH"]})
    check(result.returncode == 0, (words, result.stdout))
    return result.stdout


def poll(n, message):
    before = sum(message in line["message"] for line in n.lines)
    n.process.send_signal(signal.SIGHUP)
    return n.wait_log(message, before)


def asked(n):
    """Waits until it has asked once more, and nothing has come of it."""
    before = n.metric('aotc_pulls_total.*"same"')
    n.process.send_signal(signal.SIGHUP)
    until(lambda: n.metric('aotc_pulls_total.*"same"') > before, "asked")


def answers(n, what):
    until(lambda: get(n.port, "/") == what, what)


def revoke(*words):
    return run(f"{BIN}/aotc-server", "revoke", "--data", server.data, *words)


run(AOTC, "keygen", f"{folder}/fleet")
server = Server(folder, "--sign-key", f"{folder}/fleet.key")


def publish(wasm, tag="v1"):
    job = server.wait(server.upload(wasm, f"?tier=quick&target=host&name=acme/app&tag={tag}&snapshot=required")[1]["id"])
    check(job["state"] == "done", job)
    return job["index"]


def push(tag):
    run(AOTC, "push", f"127.0.0.1:{server.port}/acme/app:{tag}", f"{mirror}/acme/app:{tag}")


def fleet_node(host, name):
    return node([f"site=oci://{host}/acme/app:v1"], "--poll", "60m", "--cache", f"{folder}/{name}", "--trust", f"{folder}/fleet.pub",
                up=False)


with docker_registry(folder) as mirror:
    with server, fleet_node(f"127.0.0.1:{server.port}", "near") as near:
        publish(one)
        push("v1")
        poll(near, "pulled")
        answers(near, ONE)
        with fleet_node(mirror, "far") as far:
            answers(far, ONE)
            second = publish(two)
            push("v1")
            for n in (near, far):
                poll(n, "pulled")
                answers(n, TWO)

            said = revoke("--index", second, "--reason", "leaks")
            check("1 images are not served any more; nodes are told in 1 repositories" in said, said)
            check(poll(near, "revoked: leaks")["index"] == second, "it obeys")
            answers(near, ONE)
            asked(far)
            check(get(far.port, "/") == TWO, "who was not told goes on")
            # The lists alone: the image that they are about is gone.
            push("aotc-revocations")
            check(poll(far, "revoked: leaks")["index"] == second, "it obeys the same lists")
            answers(far, ONE)
        check(near.metric("aotc_revoked") == 1 and near.metric('aotc_revocations_total.*"obeyed"') == 1, "metrics")

        # Without anybody to ask.
        with fleet_node("127.0.0.1:1", "far") as n:
            n.wait_log("Connection refused")
            answers(n, ONE)

        # The one before, too; the registry still has both.
        check("nodes are told in 1 repositories" in revoke("--repository", "acme/app", "--reason", "all of it"), "revoke")
        push("aotc-revocations")
        with fleet_node(mirror, "far") as far:
            far.wait_log("revoked, and nothing else may run: all of it")
            poll(near, "revoked, and nothing else may run: all of it")
            for n in (near, far):
                until(lambda: n.tenants() == [], "nothing runs")
                check(get(n.port, "/")[0] == 503, "and it says so")
            # What is published after it runs everywhere.
            publish(one)
            push("v1")
            for n in (near, far):
                poll(n, "pulled")
                answers(n, ONE)
                check(n.metric("aotc_revoked") == 0, "the newest is good")
        # A node that has seen nothing does not take the old one from a registry that kept it.
        check("revoked: leaks" in subprocess.run([AOTC, "pull", f"{mirror}/acme/app@{second}", "--target", "host", "--trust",
                                                   f"{folder}/fleet.pub", "-o", f"{folder}/x"], capture_output=True, text=True).stderr, "pull")
