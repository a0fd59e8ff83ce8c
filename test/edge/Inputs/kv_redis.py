"""kv_redis.py ARTIFACT FOLDER: edge.KV on nodes that share a Redis; and what programs see of one that ends, stands still, or is none."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from harness import AOTC, Authority, check, serving, until
from kv_common import OPTIONS, ask, kill_broker, kill_rounds, use
from node import get, node
from remotes import ask_redis, redis

artifact, folder = sys.argv[1:]
APPS = [f"{app}={artifact}" for app in ("one", "two")]
UNUSABLE = "the store cannot be used"


class Redis:
    """One that is killed and comes back on its port, with what it has acknowledged."""

    def __init__(self):
        os.makedirs(f"{folder}/lasting")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", f"{folder}/lasting",
                                         "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        until(lambda: subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True).stdout == b"PONG\n", "Redis answers")

    def kill(self, *_):
        self.process.kill()
        self.process.wait()

    def again(self, *_):
        self.kill()
        self.start()


def options(port, database=0):
    return "--kv", f"redis://127.0.0.1:{port}/{database}", *OPTIONS


server = Redis()
try:
    with node(APPS, *options(server.port)) as n:
        use(n)
        # What programs call their keys is inside of the four of each app.
        ours = {f"aotc:{{{app}}}:{what}" for app in ("one", "two") for what in ("app", "names", "times", "values")}
        check(set(ask_redis(server.port, "keys", "*").split()) <= ours, ask_redis(server.port, "keys", "*"))
        # Another node has the same, and another database nothing of it.
        with node(APPS[:1], *options(server.port)) as other, node(APPS[:1], *options(server.port, 7)) as none:
            check(ask(other, "one", "/get?key=a") == "2 false" and ask(other, "one", "/put?key=a&value=3") == "put", "nodes share it")
            check(ask(n, "one", "/get?key=a") == "3 false" and ask(none, "one", "/list?prefix=") == '[] ""', "and what is another's they do not")
            counts = [threading.Thread(target=ask, args=(at, "one", "/count?key=shared&many=4")) for at in (n, other) for _ in range(8)]
            for thread in counts:
                thread.start()
            for thread in counts:
                thread.join()
            check(ask(n, "one", "/get?key=shared") == "64 false", "each was counted once")
        # Who has forgotten the script is told it again.
        ask_redis(server.port, "script", "flush")
        check(ask(n, "one", "/get?key=a") == "3 false", "without the script")
        # Without room, and with what it does not want.
        ask_redis(server.port, "config", "set", "maxmemory", "1")
        check(ask(n, "one", "/put?key=a&value=4") == "error: full" and ask(n, "one", "/get?key=a") == "3 false", "no more room")
        ask_redis(server.port, "config", "set", "maxmemory", "0")
        ask_redis(server.port, "set", "aotc:{two}:names", "x")
        check(UNUSABLE in ask(n, "two", "/put?key=z&value=4") and ask(n, "one", "/get?key=a") == "3 false", "one app's is damaged")
        said = [n.wait_log("the key-value store redis://127.0.0.1:", number) for number in range(2)]
        check([": OOM " in said[0]["message"], ": WRONGTYPE " in said[1]["message"]] == [True, True] and said[0]["level"] == "error", said)
    print(f"{kill_rounds(artifact, options(server.port), 2, kill_broker)} puts acknowledged in 2 rounds with a new broker, none lost")
    print(f"{kill_rounds(artifact, options(server.port), 3, server.again)} puts acknowledged in 3 rounds with a new Redis, none lost")

    # One that is dead gives errors at once, one that stands still within its time, to all that wait; other connections go on.
    with node(APPS, *options(server.port), "--timeout", "30s") as n:
        check(ask(n, "one", "/get?key=c") == "120 false", "it is there")
        server.kill()
        until(lambda: UNUSABLE in ask(n, "one", "/get?key=c"), "an error")
        n.wait_log(": programs get errors until it answers")
        check(all(UNUSABLE in ask(n, "one", "/get?key=c") for _ in range(20)), "errors")
        server.start()
        n.wait_log(": it answers")
        check(ask(n, "one", "/get?key=c") == "120 false", "it is back")
        server.process.send_signal(signal.SIGSTOP)
        answers = []
        threads = [threading.Thread(target=lambda app=app: answers.append(ask(n, app, "/put?key=late&size=100000"))) for app in ("one", "two") for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(len(answers) == 40 and all(UNUSABLE in answer for answer in answers), answers)
        check("it has not answered for 2 s" in n.wait_log(": programs get errors until it answers", 1)["message"], n.lines)
        server.process.send_signal(signal.SIGCONT)
        n.wait_log(": it answers", 1)
        check(ask(n, "one", "/get?key=c") == "120 false", "it goes on")
        # One that closes what is idle is connected to again without a word.
        said, clients = len(n.lines), ask_redis(server.port, "client", "list", "type", "normal").count("cmd=evalsha")
        check(clients == 1, clients)
        time.sleep(1)  # or it would be one that ends at once
        ask_redis(server.port, "client", "kill", "type", "normal")
        until(lambda: ask(n, "one", "/get?key=c") == "120 false", "it is connected to again")
        check(not [line for line in n.lines[said:] if "programs get errors" in line["message"]], n.lines[said:])
finally:
    server.kill()

# Apps that come while the node serves have one, too.
with redis(folder, name="reload") as port:
    config = f"{folder}/node.yaml"
    text = f"listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nkv: redis://127.0.0.1:{port}\napps:\n  one: {{artifact: {artifact}, route: one}}\n"
    with open(config, "w") as file:
        file.write(text)
    with node([], file=config) as n:
        n.wait_log("ready")
        check(ask(n, "one", "/put?key=a&value=of-one") == "put", "the first app")
        with open(config, "w") as file:
            file.write(text + f"  two: {{artifact: {artifact}, route: two}}\n")
        n.process.send_signal(signal.SIGHUP)
        n.wait_log("serves what its file says")
        check(ask(n, "two", "/get?key=a") == "error: none" and ask(n, "two", "/put?key=a&value=of-two") == "put", "the second app")
        check(ask(n, "one", "/get?key=a") == "of-one false" and n.metric('^aotc_kv_requests_total{app="two",operation="get"') == 1, "the first one's")

# A password, a user, TLS; and when one of them is wrong.
with open(f"{folder}/password", "w") as file:
    file.write("p@ss word\n")
with open(f"{folder}/wrong", "w") as file:
    file.write("wrong\n")
authority = Authority(folder)
os.environ["SSL_CERT_FILE"] = authority.file
with redis(folder, "--requirepass", "p@ss word", certificate=authority.issue("redis")) as port:
    for url, password in ((f"rediss://localhost:{port}", "password"), (f"rediss://default:@127.0.0.1:{port}/3", "password")):
        with node(APPS[:1], "--kv", url, "--kv-password", f"{folder}/{password}") as n:
            check(ask(n, "one", "/put?key=a&value=x") == "put" and ask(n, "one", "/get?key=a") == "x false", url)
            with open(f"/proc/{n.broker()}/cmdline") as file:
                check("p@ss" not in file.read(), "no password among the words of a process")
    for url, more, why in ((f"rediss://localhost:{port}", (), "NOAUTH"), (f"rediss://localhost:{port}", ("--kv-password", f"{folder}/wrong"), "WRONGPASS"),
                           (f"redis://localhost:{port}", (), "it"), ("redis://none.invalid:1", (), "cannot find the address of none.invalid"),
                           ("redis://127.0.0.1:1", (), "onnect")):
        with node(APPS[:1], "--kv", url, *more) as n:
            until(lambda: UNUSABLE in ask(n, "one", "/get?key=a"), "an error")
            check(why in n.wait_log(": programs get errors until it answers")["message"], n.lines)
    with node(APPS[:1], "--kv", f"rediss://localhost:{port}", "--kv-password", f"{folder}/none") as n:
        check("/none: there is no password to read" in n.wait_log("no program gets anything of the key-value store: ")["message"], n.lines)
os.environ["SSL_CERT_FILE"] = Authority(folder, "another").file
with redis(folder, name="untrusted", certificate=authority.issue("untrusted")) as port, node(APPS[:1], "--kv", f"rediss://localhost:{port}") as n:
    check("certificate" in n.wait_log(": programs get errors until it answers")["message"], n.lines)

# aotc run takes it, too.
with redis(folder, name="run") as port:
    with serving([AOTC, "run", artifact, "--tcplisten", "127.0.0.1:PORT", "--kv", f"redis://127.0.0.1:{port}"], stderr=subprocess.DEVNULL) as (_, served):
        check(get(served, "/put?key=r&value=x") == (200, b"put\n") and get(served, "/get?key=r") == (200, b"x false\n"), "aotc run")
