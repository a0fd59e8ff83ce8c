# A server's file says what its options say: each key is an option, what is wrong is told with file, line and key, and
# --check-config serves nothing.
# RUN: %python %s %t
import os
import re
import signal
import subprocess

from harness import AOTC, BIN, check, fresh_folder, write_tokens

folder = fresh_folder()
os.chdir(folder)
write_tokens(folder, {})
subprocess.run([AOTC, "keygen", "fleet"], check=True, stdout=subprocess.DEVNULL)


def run(*words):
    done = subprocess.run([f"{BIN}/aotc-server", *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr.split("\n")[0]


def said(text):
    with open("server.yaml", "w") as file:
        file.write(text)
    return run("--file", "server.yaml", "--check-config")


def refused(text, reason, code=2):
    check(said(text) == (code, "", f"aotc-server: {reason}"), (text, said(text)))


good = "data: data\nlisten: 127.0.0.1:0\ntoken-file: tokens.json\nsign-key: [fleet.key]\nworkers: 1\nno-request-log: true\n"
check(said(good) == (0, "nothing is wrong\n", ""), said(good))
check(not os.path.exists("data"), "nothing is made")
with subprocess.Popen([f"{BIN}/aotc-server", "--file", "server.yaml"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
    check(process.stdout.readline().startswith("listening on http://127.0.0.1:"), "it serves")
    process.send_signal(signal.SIGTERM)
    check(process.wait() == 0, "it stops")

refused(good + "queu: 3\n", "server.yaml:7: queu: no such option; did you mean queue?")
refused(good + "queue: 3x\n", "server.yaml:7: queue: expected a whole number: 3x")
refused(good + "queue: [3]\n", "server.yaml:7: queue: expected a value")
refused(good + "warm: []\n", "server.yaml:7: warm: expected a value or a list of them")
refused(good + "anonymous: yes\n", "server.yaml:7: anonymous: expected true or false: yes")
refused(good + "version: true\n", "server.yaml:7: version: no such option")
refused(good + "tls-cert: a.pem\n", "server.yaml:7: tls-cert requires --tls-key")
refused(good + "data: x\n", "server.yaml:7: data: stands here twice")
refused("- a\n", "server.yaml:1: expected options")
refused("listen: 127.0.0.1:0\n", "--data is required")
refused(good.replace("tokens.json", "no.json"), "no.json: No such file or directory", 1)
refused(good.replace("fleet.key", "no.key"), "no.key: No such file or directory", 1)
refused("data: data\nlisten: 0.0.0.0:0\n", "0.0.0.0:0: not a loopback address, so it needs --token-file, or --anonymous if everybody who reaches it may use it", 1)
check(run("--file", "no.yaml") == (2, "", "aotc-server: no.yaml: No such file or directory"), run("--file", "no.yaml"))
check(run("--file", "server.yaml", "--queue", "3")[2] == "aotc-server: --file: holds all options, so there can be no --queue", "both")

# Every option can stand in the file, by the name that --help has.
options = re.findall(r"(?m)^  (?:-h,)?--([a-z-]+)(?: (\S+))?", run("--help")[1].partition("\nSubcommands:")[0])
check(len(options) > 40, options)
for name, argument in options:
    if name in ("help", "version", "print-sandbox", "file", "check-config"):
        continue
    err = said(f"{name}: {{}}\n")[2]
    check(err.startswith(f"aotc-server: server.yaml:1: {name}: expected a value"), (name, err))
