"""standard_streams.py FOLDER: see standard_streams.test."""
import os
import re
import signal
import subprocess

from harness import AOTC, BIN, Server, compile_wat, docker_registry, fresh_folder, hello_wasm, until

folder = fresh_folder()
SERVER, EXEC, NODE = (f"{BIN}/{name}" for name in ("aotc-server", "aotc-exec", "aotc-node"))
GO = f"{os.environ['AOTC_BUILD']}/toolchains/go-1.26.6/go/bin/go"
os.environ.update(GOCACHE=f"{os.environ['AOTC_BUILD']}/go-cache", GOENV="off", GOTOOLCHAIN="local")


def popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, ignore=False, closed=()):
    def prepare():  # in the child; Python ignores SIGPIPE, and restores what it inherited for its children
        signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignore else signal.SIG_DFL)
        for fd in closed:
            os.close(fd)

    return subprocess.Popen(words, stdout=stdout, stderr=stderr, preexec_fn=prepare, restore_signals=False, cwd=folder)


def run(words, **how):
    process = popen(words, **how)
    out, err = process.communicate()
    return process.returncode, out or b"", (err or b"").decode()


def broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "wb")


def check(words, prints=True, renew=None):
    """A command that succeeds. `renew` undoes what it did, so that it can do it again."""
    program = os.path.basename(words[0])
    unwritable = 125 if program == "aotc-exec" or "--invoke" in words else 1

    def once(**how):
        if renew:
            renew()
        return run(words, **how)

    status, expected, err = once()
    assert status == 0 and (expected != b"") == prints, (words, status, expected, err)
    with open("/dev/full", "wb") as full, broken_pipe() as pipe:
        for how, reason in (({"stdout": full}, "No space left on device"), ({"closed": [1]}, "Bad file descriptor"),
                            ({"stdout": pipe, "ignore": True}, "Broken pipe")):
            status, _, err = once(**how)
            assert status == (unwritable if prints else 0), (words, reason, status, err)
            assert (f"standard output: cannot write: {reason}\n" in err) == prints and "terminate" not in err, (words, reason, err)
        status, _, err = once(stdout=pipe)
        assert (status, err) == (-signal.SIGPIPE if prints else 0, ""), (words, status, err)
        for how in ({"stderr": full}, {"closed": [2]}, {"closed": [0, 2]}, {"stderr": pipe, "ignore": True}):
            status, out, _ = once(**how)
            assert status == 0 and same(out, expected), (words, how, status, out)
        status, _, _ = once(closed=[0, 1, 2])
        assert status == (unwritable if prints else 0), (words, status)


def same(out, expected):
    """But for times and tokens."""
    return len(out.splitlines()) == len(expected.splitlines())


def check_failure(words, code):
    """A command that fails: with the same exit code, whoever listens."""
    assert run(words)[0] == code, (words, run(words))
    with open("/dev/full", "wb") as full, broken_pipe() as pipe:
        for how in ({"stderr": full}, {"closed": [2]}, {"closed": [0, 1, 2]}, {"stdout": full, "stderr": full},
                    {"stdout": pipe, "stderr": pipe, "ignore": True}):
            assert run(words, **how)[0] == code, (words, how, run(words, **how))


def commands_of(program):
    """{command: {option that prints}}, as --help has them; "" for the program itself."""
    text = run([program, "--help"])[1].decode()
    names = re.findall(r"(?m)^  ([a-z][a-z-]*) {2,}\S", text.partition("\nSubcommands:\n")[2])
    return {name: set(re.findall(r"(?m)^  (?:-h,)?(--help|--version|--print-[a-z-]+)\b", run([program, *name.split(), "--help"])[1].decode()))
            for name in ["", *names]}


def remove(*names):
    def renew():
        for name in names:
            if os.path.lexists(f"{folder}/{name}"):
                subprocess.run(["rm", "-rf", f"{folder}/{name}"], check=True)

    return renew


wasm = hello_wasm(folder)
compile_wat(os.path.join(os.path.dirname(__file__), "../../Inputs/add.wat"), f"{folder}/add.wasm")
for words in ((AOTC, "compile", "add.wasm"), (AOTC, "compile", "add.wasm", "--target", "aarch64", "-o", "add.aarch64.aotc"), (AOTC, "keygen", "fleet")):
    assert run(words)[0] == 0
os.mkdir(f"{folder}/program")
for name, text in (("go.mod", "module program\n\ngo 1.21\n"), ("main.go", "package main\n\nfunc main() {}\n")):
    with open(f"{folder}/program/{name}", "w") as file:
        file.write(text)
image, index = "/acme/hello:v1", None
with docker_registry(folder) as registry, Server(folder, "--sign-key", f"{folder}/fleet.key", "--backups",
                                                  f"{folder}/backups") as server:
    host = f"127.0.0.1:{server.port}"
    compiler = run([SERVER, "--version"])[1].split()[1].decode()

    def upload():
        global index
        index = server.wait(server.upload(wasm, "?tier=quick&name=acme/hello&tag=v1")[1]["id"])["index"]

    def release_canary():
        assert run([AOTC, "release", host + "/acme/hello", "--canary", "v1", "--weight", "5", "--sign-key", "fleet.key"])[0] == 0

    upload()
    referrers = server.get_json(f"/v2/acme/hello/referrers/{index}")["manifests"]
    layer, = server.get_json(f"/v2/acme/hello/manifests/{referrers[0]['digest']}")["layers"]
    with open(f"{folder}/statement", "wb") as file:
        file.write(server.get(f"/v2/acme/hello/blobs/{layer['digest']}"))

    CASES = {
        AOTC: {
            "": {},
            "new": dict(words=["site"], renew=remove("site")),
            "dev": {},
            "build": dict(words=["--go", GO, "-C", "program", "-o", "made.wasm"]),
            "compile": dict(words=["add.wasm", "--tier", "quick", "--time-report"]),
            "run": dict(words=["add.aotc", "--invoke", "add", "1", "2"]),
            "inspect": dict(words=["add.aotc", "--functions"]),
            "validate": dict(words=["add.wasm"]),
            "pull": dict(words=[host + image]),
            "push": dict(words=[host + image, registry + image]),
            "ls": dict(words=[host + "/acme/hello"]),
            "pin": dict(words=[host + image], prints=False),
            "tag": dict(words=[host + image, "other"]),
            "jobs": dict(words=[host]),
            "cancel": {},
            "release": dict(words=[host + "/acme/hello", "--stable", "v1", "--sign-key", "fleet.key"]),
            "promote": dict(words=[host + "/acme/hello", "--sign-key", "fleet.key"], renew=release_canary),
            "rollback": dict(words=[host + "/acme/hello", "--sign-key", "fleet.key"], renew=release_canary),
            "rm": dict(words=[host + image], prints=False, renew=upload),
            "keygen": dict(words=["key"], renew=remove("key.key", "key.pub")),
            "verify": dict(words=["statement", "--trust", "fleet.pub", "--repository", "acme/hello", "--index", index]),
            "dump": dict(words=["add.wasm", "--after=lower"]),
            "cache": dict(words=["stats", "--cache", "kept"]),
        },
        SERVER: {
            "": {},
            "new-token": dict(words=[]),
            "rebuild": dict(words=["--data", server.data, "--compiler", "0.0.0"]),
            "revoke": dict(words=["--data", server.data, "--compiler", "0.0.0"]),
            "backup": dict(words=["--data", server.data, "--to", "backups"]),
            "restore": dict(words=["--data", "restored", "--from", "backups"], renew=remove("restored")),
        },
        EXEC: {"": dict(words=["add.aotc", "--invoke", "add", "1", "2"])},
        NODE: {"": {}, "serve": {}},
    }
    for program, cases in CASES.items():
        known = commands_of(program)
        assert set(known) <= set(cases), ("no case for", program, set(known) - set(cases))
        for name, case in cases.items():
            for option in known.get(name, {"--help"}) or {"--help"}:
                if program != SERVER or name != "new-token":
                    check([program, *name.split(), option])
            if case:
                check([program, *name.split(), *case["words"]], case.get("prints", True), case.get("renew"))
        check_failure([program, "--nonsense"], 2)

    check([AOTC, "compile", "hello.wasm", "--tier", "quick", "--server", f"http://{host}"])
    check([AOTC, "inspect", "add.aotc", "--json"])
    check([NODE, "--print-schema"])
    check([NODE, "serve", "--listen", ":0", "--app", "a=add.aotc", "--check-config"])
    check([SERVER, "--data", "elsewhere", "--check-config"])
    check_failure([AOTC, "inspect", "absent"], 1)
    check_failure([AOTC, "compile", "absent", "--server", f"http://{host}"], 1)
    check_failure([EXEC, "absent"], 125)
    check_failure([SERVER, "restore", "--data", "nothing", "--from", "nowhere"], 1)
    check_failure([NODE, "serve", "--listen", "127.0.0.1:0", "--app", "a=absent"], 1)
    assert run([AOTC, "run", "add.aarch64.aotc", "--invoke", "add", "1", "2"], closed=[0])[1] == b"3\n"

# A guest that prints and prints is told what a native program would be.
compile_wat(os.path.join(os.path.dirname(__file__), "yes.wat"), f"{folder}/yes.wasm")
for words in ((AOTC, "run", "yes.wasm"), (AOTC, "run", "yes.wasm", "--target", "aarch64")):
    EBADF, ENOSPC, EPIPE = 8, 51, 64
    with open("/dev/full", "wb") as full, broken_pipe() as pipe:
        for how, status in (({"stdout": pipe}, -signal.SIGPIPE), ({"stdout": pipe, "ignore": True}, EPIPE),
                            ({"stdout": full}, ENOSPC), ({"closed": [0, 1, 2]}, EBADF)):
            assert run(words, **how)[0] == status, (words, how, run(words, **how))

# What serves goes on, whoever listens to it, and writes its log into nothing else.
with open("/dev/full", "wb") as full, broken_pipe() as pipe:
    for how in ({"stdout": full, "stderr": full}, {"stdout": pipe, "stderr": pipe}, {"closed": [0, 1, 2]}):
        remove("deaf")()
        process = popen([SERVER, "--data", f"{folder}/deaf", "--listen", "127.0.0.1:0"], **how)
        until(lambda: os.path.exists(f"{folder}/deaf/control") or process.poll() is not None)
        assert b"backed up" in run([SERVER, "backup", "--data", f"{folder}/deaf", "--to", f"{folder}/deaf/backups"])[1], process.poll()
        for path, _, names in os.walk(f"{folder}/deaf"):
            for name in set(names) - {"control"}:
                with open(os.path.join(path, name), "rb") as file:
                    assert b'"message":"command"' not in file.read(), (how, path, name)
        process.terminate()
        assert process.wait() == 0, (how, process.returncode)
