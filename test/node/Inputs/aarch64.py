"""aarch64.py FOLDER MODULE"""
import json
import os
import subprocess
import sys

from certificates import Authority
from harness import AOTC, Server, check, docker_registry, fresh_folder, until
from machine import BIN, HOST, Machine, libraries
from node import get
from registry_of_lies import Registry

folder = fresh_folder()
PAGE = (200, b"frozen: you asked for /page\n")
PROCESSES = "for p in /proc/[0-9]*; do grep -q ^aotc- $p/cmdline && echo $(tr '\\0' ' ' <$p/cmdline | cut -d' ' -f1,2) $(sed -n " \
            "'s/^\\(Uid\\|CapEff\\|Seccomp\\):\\t\\([0-9a-f]*\\).*/\\1=\\2/p' $p/status) files=$(ls $p/root | wc -l); done; true"


def publish(registry):
    """Compiled, frozen and signed by a server, then in a registry that speaks TLS; and as a file."""
    subprocess.run([AOTC, "keygen", f"{folder}/key"], check=True, stdout=subprocess.DEVNULL)
    with Server(folder, "--sign-key", f"{folder}/key.key") as server, open(sys.argv[2], "rb") as module:
        options = "?target=aarch64&tier=quick&snapshot=required&env=STAGE=frozen&name=acme/app&tag=v1"
        check(server.wait(server.upload(module.read(), options)[1]["id"])["state"] == "done", "the job is done")
        image = f"127.0.0.1:{server.port}/acme/app:v1"
        environment = {**os.environ, "SSL_CERT_FILE": authority.root}
        for words in (["push", image, f"https://{registry}/acme/app:v1"], ["pull", image, "--target", "aarch64", "-o", f"{folder}/app.aotc"]):
            subprocess.run([AOTC, *words], check=True, env=environment, stdout=subprocess.DEVNULL)


authority = Authority(f"{folder}/authority")
certificate = f"{folder}/registry.pem"
authority.issue(certificate, f"IP:127.0.0.1,IP:{HOST}")
with docker_registry(folder, http=f", tls: {{certificate: {certificate}, key: {certificate}.key}}") as registry, \
        Registry({"/asked": ("text/plain", b"an answer")}) as other:
    publish(registry)
    programs = {f"/bin/{name}": f"{BIN}/{name}" for name in ("aotc-node", "aotc-broker")}
    given = {"/given/app.aotc": f"{folder}/app.aotc", "/given/root.pem": authority.root, "/given/key.pub": f"{folder}/key.pub"}
    pulled, asked = (f"{HOST}:{host.rsplit(':')[-1]}" for host in (registry, other.host))
    with Machine(folder, {**programs, **libraries(f"{BIN}/aotc-broker"), **given}, ports=(80, 90)) as machine:
        serve = f"aotc-node serve --listen 10.0.2.15:80 --admin 10.0.2.15:90 --app site=/given/app.aotc --app pulled=https://{pulled}/acme/app:v1 " \
                f"--trust /given/key.pub --cache /tmp/cache --route site=site --route pulled=pulled --deadline 2s " \
                f"--allow site=tcp://{asked} --allow-private site={HOST}/32"
        machine.run(f"export SSL_CERT_FILE=/given/root.pem; (sh -c 'echo $$ >/tmp/node; exec {serve}'; echo $? >/tmp/code) >/dev/null 2>/tmp/log &")
        until(lambda: get(machine.ports[90], "/readyz")[0] == 200, "both apps are ready")
        port = machine.ports[80]
        for host in ("site", "pulled"):
            check(get(port, "/page", host=host) == PAGE, f"a page of {host} from its snapshot")
        for target, status in (("/trap", 502), ("/spin", 504)):
            answered = get(port, target, host="site")[0]
            check(answered == status, f"{target}: {answered}")
            check(get(port, "/page", host="site") == PAGE, f"the request after {target}")
        check(get(port, f"/ask?{asked}", host="site")[1].endswith(b"\r\n\r\nan answer"), "what another server answers")
        print(machine.run(PROCESSES))
        machine.run("kill $(cat /tmp/node)")
        until(lambda: machine.run("cat /tmp/code 2>/dev/null || true") == "0\n", "the node ends well")
        log = [json.loads(line) for line in machine.run("cat /tmp/log").splitlines()]
for cause, said in (("trap", "out of bounds memory access in main.answer"), ("deadline", "main.spin")):
    check([line for line in log if line.get("cause") == cause and said in line["message"]], f"{cause} in {log}")
