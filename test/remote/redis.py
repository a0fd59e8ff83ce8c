# What one machine compiles another takes from Redis, to the same bytes: with and without TLS, password and database, through
# a cluster whose nodes are found by its redirections, and while it moves a slot.
# RUN: %python %s %t
# REQUIRES: redis
import json
import os
import subprocess

from harness import AOTC, Authority, fresh_folder
from remotes import Key, Machine, ask_redis, compiled_without, counts, many_functions, redis, redis_cluster

folder = fresh_folder()
team = Key(folder, "team")
write, read = ("--cache-sign", team.secret), ("--cache-trust", team.public)
module = many_functions(folder, 1500)
expected = compiled_without(module, folder)


def share(name, url, **how):
    """One machine compiles, another takes all of it, the first once more."""
    first, second = Machine(folder, name + "-1", url, *write, **how), Machine(folder, name + "-2", url, *read, **how)
    made = first.compile(module)
    functions = made["asked"]
    assert functions > 1500 and made == counts(asked=functions, sent=functions) and first.said == "", (name, made, first.said)
    taken = second.compile(module)
    assert taken == counts(asked=functions, hits=functions) and second.said == "", (name, taken, second.said)
    assert first.artifact() == second.artifact() == expected, name
    # What came is in the machine's own folder.
    assert second.compile(module) is None, name
    return functions


def holds(url, **how):
    """What `aotc cache stats` says of a remote."""
    result = subprocess.run([AOTC, "cache", "stats", "--cache", f"{folder}/none", "--cache-remote", url, "--json"], capture_output=True, text=True, check=True,
                            env=dict(os.environ, **how))
    return json.loads(result.stdout)["remote"]


with redis(folder) as port:
    functions = share("plain", f"redis://127.0.0.1:{port}")
    assert ask_redis(port, "dbsize") == str(functions)
    held = holds(f"redis://127.0.0.1:{port}")
    assert held["records"] == functions and 200 * functions < held["bytes"] < 1 << 30 and held["url"] == f"redis://127.0.0.1:{port}", held
    for command, counts_left in ("dbsize", {"bytes"}), ("info", set()):  # that we may not ask
        ask_redis(port, "acl", "setuser", "default", f"-{command}")
        assert holds(f"redis://127.0.0.1:{port}").keys() == {"url"} | counts_left, command
    ask_redis(port, "acl", "setuser", "default", "+dbsize", "+info")
    share("database", f"redis://localhost:{port}/7")
    assert ask_redis(port, "-n", "7", "dbsize") == str(functions)
    # Another operator's are not taken, and said once. Who signs, too, believes his own.
    other = Key(folder, "other")
    stranger = Machine(folder, "stranger", f"redis://127.0.0.1:{port}", "--cache-trust", other.public)
    assert stranger.compile(module)["hits"] == 0 and stranger.artifact() == expected
    assert stranger.said.count("\n") == 1 and "not signed by a trusted key, and is not used" in stranger.said, stranger.said
    both = Machine(folder, "both", f"redis://127.0.0.1:{port}", "--cache-trust", other.public, *read)
    assert both.compile(module)["hits"] == functions and both.said == ""
    # A server that has no more room.
    ask_redis(port, "config", "set", "maxmemory", "1")
    full = Machine(folder, "full", f"redis://127.0.0.1:{port}/2", *write)
    assert full.compile(module) == counts(asked=functions, left_out=functions) and full.artifact() == expected
    assert full.said == f"aotc: cache redis://127.0.0.1:{port}/2: {functions} functions could not be kept there\n", full.said

secret = "p@ss/word: %"
with redis(folder, "--requirepass", secret, name="password") as port:
    share("password", f"redis://:p%40ss%2Fword%3a%20%25@127.0.0.1:{port}")
    share("token", f"redis://127.0.0.1:{port}/1", token=secret)
    assert holds(f"redis://127.0.0.1:{port}/1", AOTC_CACHE_TOKEN=secret)["records"] == functions
    refused = subprocess.run([AOTC, "cache", "stats", "--cache", f"{folder}/none", "--cache-remote", f"redis://127.0.0.1:{port}"], capture_output=True, text=True)
    assert refused.returncode == 1 and f"aotc: cache redis://127.0.0.1:{port}: NOAUTH" in refused.stderr, refused
    for url, token in ((f"redis://127.0.0.1:{port}", None), (f"redis://127.0.0.1:{port}", "wrong"), (f"redis://me:{'x' * 30}@127.0.0.1:{port}", None)):
        refused = Machine(folder, "refused", url, *write, token=token)
        assert refused.compile(module, "--target", "x86_64")["sent"] == 0
        assert refused.said.startswith(f"aotc: cache redis://127.0.0.1:{port}: ") and refused.said.count("\n") == 1, refused.said
        assert ("NOAUTH" if not token and "x" not in url else "WRONGPASS") in refused.said and "xxx" not in refused.said, refused.said
        os.system(f"rm -r {refused.cache}")

authority = Authority(folder)
with redis(folder, name="tls", certificate=authority.issue("redis")) as port:
    share("tls", f"rediss://localhost:{port}", authority=authority.file)
    for url, trusted, what in ((f"rediss://localhost:{port}", Authority(folder, "another").file, "certificate"),
                               (f"rediss://localhost:{port}", f"{folder}/none.pem", f"{folder}/none.pem: cannot read the certificates")):
        refused = Machine(folder, "refused", url, *write, authority=trusted)
        assert refused.compile(module)["sent"] == 0 and refused.said.startswith("aotc: cache rediss://") and "going on without" in refused.said
        os.system(f"rm -r {refused.cache}")

with redis_cluster(folder) as ports:
    functions = share("cluster", f"redis://127.0.0.1:{ports[1]}")
    sizes = [int(ask_redis(port, "dbsize")) for port in ports]
    assert sum(sizes) == functions and min(sizes) > functions / 6, sizes
    # A slot that is on its way: its keys are where it goes to, and asked for there.
    key = ask_redis(ports[0], "randomkey")
    slot = ask_redis(ports[0], "cluster", "keyslot", key)
    names = [ask_redis(port, "cluster", "myid") for port in ports]
    ask_redis(ports[2], "cluster", "setslot", slot, "importing", names[0])
    ask_redis(ports[0], "cluster", "setslot", slot, "migrating", names[2])
    ask_redis(ports[0], "migrate", "127.0.0.1", str(ports[2]), key, "0", "5000")
    during = Machine(folder, "during", f"redis://127.0.0.1:{ports[0]}", *read)
    assert during.compile(module) == counts(asked=functions, hits=functions) and during.said == "", during.said
    assert during.artifact() == expected
print(functions)
