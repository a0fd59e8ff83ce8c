"""environment.py FOLDER: command lines and environments, table by table; see environment.test.

Whatever a program is given, it ends by itself, with one of its exit codes, and nothing that only a bug of ours would say.
"""
import ctypes
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys

from harness import AOTC, BIN, compile_wat, fresh_folder

folder = fresh_folder()
os.chmod(folder, 0o777)
SERVER, EXEC, NODE = (f"{BIN}/{name}" for name in ("aotc-server", "aotc-exec", "aotc-node"))
STATIC = (EXEC, NODE)
OURS = re.compile(r"terminate called|Assertion|LLVM ERROR|json\.exception|filesystem error|Stack dump|what\(\)|stack smashing|buffer overflow")
ADD = os.path.join(os.path.dirname(__file__), "../../Inputs/add.wat")
compile_wat(ADD, f"{folder}/add.wasm")
subprocess.run([AOTC, "compile", "add.wasm", "--tier", "quick"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
# Without a network, servers or anything else that would outlast it: what each program can be asked.
COMMANDS = [
    [AOTC, "compile", "add.wasm", "--tier", "quick", "-o", "out.aotc"],
    [AOTC, "validate", "add.wasm"],
    [AOTC, "inspect", "add.aotc", "--json"],
    [AOTC, "dump", "add.wasm", "--after=codegen", "--tier", "quick"],
    [AOTC, "run", "add.aotc", "--invoke", "add", "1", "2"],
    [AOTC, "ls", "https://127.0.0.1:1"],
    [EXEC, "add.aotc", "--invoke", "add", "1", "2"],
    [NODE, "serve", "--listen", "127.0.0.1:0", "--app", "a=absent"],
    [SERVER, "new-token"],
    [SERVER, "backup", "--data", "absent", "--to", "absent"],
    [SERVER, "--data", "add.wasm", "--listen", "127.0.0.1:0"],
]
checked = 0


def run(words, status=(0, 1, 2, 3, 4, 125, 134), environment=None, prepare=None, timeout=300, **how):
    global checked
    checked += 1
    done = subprocess.run(words, env=environment, preexec_fn=prepare, timeout=timeout, capture_output=True,
                          **{"cwd": folder, "stdin": subprocess.DEVNULL, **how})
    said = done.stderr.decode(errors="replace")
    assert done.returncode in status and not OURS.search(said), (words, done.returncode, said[-2000:])
    return done


def artifact_digest():
    with open(f"{folder}/out.aotc", "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def without_times(done):
    return done.stdout, re.sub(rb'"time":"[^"]*"|:[0-9]{4,5}\b', b"", done.stderr)


def check_variables():
    """No variable changes what a program does, unless it is documented; none reaches a static program at all."""
    expected = [run(words).returncode for words in COMMANDS]
    digest = artifact_digest()
    junk = f"{folder}/junk.so"
    with open(junk, "w") as file:
        file.write("not a library")
    long = "x" * 100_000
    for variables in (
            {}, {"LC_ALL": "no_SUCH.locale", "LANG": "\udcff"}, {"HOME": long, "PATH": long, "TMPDIR": "/nonexistent"},
            {"MALLOC_PERTURB_": "165", "MALLOC_ARENA_MAX": "1", "MALLOC_CHECK_": "3"},
            {"GLIBC_TUNABLES": "glibc.malloc.perturb=90:glibc.malloc.tcache_count=0:" + "=:" * 1000},
            {"SSL_CERT_FILE": "/dev/null"}, {"SSL_CERT_FILE": folder}, {"DOCKER_CONFIG": "/dev"}, {"AOTC_GDB": long},
            {"AOTC_TOKEN": "a\r\nX: y"}, {"AOTC_TOKEN": long}, {"COLUMNS": "-1", "TERM": "\udcff"}):
        environment = {name: value for name, value in variables.items()}
        for words, code in zip(COMMANDS, expected):
            done = run(words, environment=environment)
            assert done.returncode == code, (variables, words, done)
            if words[1] == "compile":
                assert artifact_digest() == digest, variables
    for words in COMMANDS:
        if words[0] in STATIC:
            usual, odd = (without_times(run(words, environment=e)) for e in ({}, {"LD_PRELOAD": junk, "LD_AUDIT": junk, "LD_LIBRARY_PATH": folder,
                                                                  "LD_SHOW_AUXV": "1", "LD_DEBUG": "all", "LD_BIND_NOT": "1"}))
            assert usual == odd, (words, odd)


def check_folder():
    """Nothing is run or loaded because it lies where a program is started."""
    trap = f"{folder}/trap"
    os.mkdir(trap)
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", AOTC, SERVER], capture_output=True, text=True).stdout)
    assert len(needed) > 10, needed
    for name in needed + ["aotc-exec", "aotc-exec-aarch64", "qemu-aarch64"]:
        with open(f"{trap}/{name}", "w") as file:
            file.write("#!/bin/sh\ntouch sprung\n")
        os.chmod(f"{trap}/{name}", 0o755)
    for name in ("add.wasm", "add.aotc"):
        os.link(f"{folder}/{name}", f"{trap}/{name}")
    for words in COMMANDS:
        assert run(words, cwd=trap).returncode == run(words).returncode, words
    run([AOTC, "run", "add.wasm", "--target", "aarch64", "--invoke", "add", "1", "2"], (1,), {"PATH": "::"}, cwd=trap)
    # Without /proc no program can find the one beside it, nor the loader a library of ours.
    status = (127,) if "libaotc-llvm.so" in needed else (1,)
    hide = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    if subprocess.run([*hide, "true"], capture_output=True).returncode == 0:
        run([*hide, AOTC, "run", "add.aotc", "--invoke", "add", "1", "2"], status, cwd=trap)
        run([*hide, AOTC, "compile", "add.wasm", "--snapshot", "required"], status, cwd=trap)
        run([*hide, SERVER, "--data", "data", "--listen", "127.0.0.1:0"], status, cwd=trap)
    assert not os.path.exists(f"{trap}/sprung")
    # Nor does a program need to know where it is.
    gone = f"{folder}/gone"

    def leave():
        os.mkdir(gone)
        os.chdir(gone)
        os.rmdir(gone)

    for words in COMMANDS:
        run(words, prepare=leave)


def check_words():
    """Words that are empty, long, many, no text, or look like something else."""
    libc = ctypes.CDLL(None)
    for program in (AOTC, SERVER, EXEC, NODE):
        child = os.fork()
        if child == 0:  # no words at all, not even a name
            os.dup2(os.open("/dev/null", os.O_RDWR), 1)
            os.dup2(1, 2)
            libc.execve(program.encode(), (ctypes.c_char_p * 1)(None), (ctypes.c_char_p * 1)(None))
            os._exit(99)
        assert os.waitpid(child, 0)[1] == 2 << 8, program
        run([program, *["x" * 100] * 10_000], (1, 2, 125))
        run([program, *["--env", "A=b"] * 10_000], (1, 2, 125))
        run([program, b"\xff\xfe\x1b[31m"])
    odd = os.fsdecode(b"\xff\xfe%s%n")
    run([AOTC, "compile", "add.wasm", "--tier", "quick", "-o", odd], (0,))
    json.loads(run([AOTC, "compile", "add.wasm", "--tier", "quick", "-o", odd, "--json"], (0,)).stdout)
    json.loads(run([AOTC, "inspect", odd, "--json"], (0,)).stdout)
    for option in ("--env", "--arg", "--name"):
        done = run([AOTC, "compile", "add.wasm", "--server", "http://127.0.0.1:1", option, "A=" + odd], (2,))
        assert b"a server takes UTF-8 only" in done.stderr, done
    done = run([SERVER, "backup", "--data", "absent", "--to", odd], (1,))
    assert b"the path is not UTF-8" in done.stderr, done


def options_of(words):
    text = run([*words, "--help"], (0,)).stdout.decode()
    return sorted(set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z-]+)[ =](?!  )", text)))


def check_values():
    """Every option of every command, as --help has them, with values that mean nothing."""
    values = ["", "-1", "nan", "99999999999999999999", "%s%n", os.fsdecode(b"\xff\n"), "=", "::", "/", "y" * 70_000]
    fixed = {("aotc", "compile"): ["add.wasm", "--tier", "quick"], ("aotc", "run"): ["add.aotc"], ("aotc", "inspect"): ["add.aotc"],
             ("aotc", "validate"): ["add.wasm"], ("aotc", "pull"): ["127.0.0.1:1/a"], ("aotc", "push"): ["127.0.0.1:1/a"] * 2,
             ("aotc", "ls"): ["127.0.0.1:1"], ("aotc", "rm"): ["127.0.0.1:1/a:b"], ("aotc", "pin"): ["127.0.0.1:1/a:b"],
             ("aotc", "keygen"): ["absent/key"], ("aotc", "verify"): ["add.wasm"], ("aotc", "dump"): ["add.wasm"],
             ("aotc-exec",): ["add.aotc"], ("aotc-node", "serve"): ["--listen", "127.0.0.1:0", "--app", "a=absent"],
             ("aotc-server",): ["--data", "add.wasm", "--listen", "127.0.0.1:0"], ("aotc-server", "backup"): [],
             ("aotc-server", "restore"): [], ("aotc-server", "rebuild"): [], ("aotc-server", "revoke"): []}
    count = 0
    for (program, *command), rest in fixed.items():
        words = [f"{BIN}/{program}", *command]
        for option in options_of(words):
            for value in values:
                count += 1
                run([*words, *rest, *([option, value] if count % 2 else [f"{option}={value}"])])
    assert count > 1000, count


def check_limits():
    """Little of everything: descriptors, memory, stack, file size, threads."""
    def limited(kind, most):
        return lambda: resource.setrlimit(kind, (most, most))

    out_of_memory = set()
    for words in COMMANDS:
        for most in range(3, 24):
            run(words, (0, 1, 2, 125, 127), prepare=limited(resource.RLIMIT_NOFILE, most))
        run(words, prepare=limited(resource.RLIMIT_FSIZE, 0))
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            for most in (32, 64, 128, 256, 512, 1024, 4096):
                done = run(words, (0, 1, 2, 125, 127), prepare=limited(kind, most << 20))
                out_of_memory |= {words[0]} if done.stderr.endswith(b": out of memory\n") else set()
        run(words, prepare=limited(resource.RLIMIT_STACK, 128 << 10))
    assert {AOTC, SERVER} <= out_of_memory, out_of_memory
    if os.geteuid() == 0:
        limit = limited(resource.RLIMIT_NPROC, 1)
        for words in COMMANDS:
            run(words, (0, 1, 2, 125), prepare=limit, user=54321, group=54321, extra_groups=[])


def check_signals():
    """What is blocked or ignored when a program starts does not keep it from working, or from ending."""
    def deaf():
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_IGN)

    compile_wat(os.path.join(os.path.dirname(__file__), "faults.wat"), f"{folder}/faults.wasm")
    run([AOTC, "compile", "faults.wasm", "--tier", "quick"], (0,))
    for export, trap in (("divide", b"integer divide by zero"), ("reach", b"out of bounds"), ("loop", b"deadline")):
        done = run([EXEC, "faults.aotc", "--timeout", "100ms", "--invoke", export], (134,), prepare=deaf)
        assert trap in done.stderr, done
    with open(f"{folder}/ends.wat", "w") as file:
        file.write('(module (func (export "_start")))')
    compile_wat(f"{folder}/ends.wat", f"{folder}/ends.wasm")
    done = run([AOTC, "compile", "ends.wasm", "--tier", "quick", "--snapshot", "required"], (1,), prepare=deaf)
    assert b"not a Go program" in done.stderr, done
    done = run([NODE, "serve", "--listen", "127.0.0.1:0", "--app", "a=add.aotc"], (1,), prepare=deaf)
    assert b"its process ended: exit code 1" in done.stderr and b"the front ended: exit code 1" in done.stderr, done
    process = subprocess.Popen([SERVER, "--data", f"{folder}/deaf", "--listen", "127.0.0.1:0"], preexec_fn=deaf,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline().startswith(b"listening")
    process.terminate()
    assert process.wait(60) == 0


for check in [globals()[name] for name in sys.argv[2:]] or [check_variables, check_folder, check_words, check_values, check_limits, check_signals]:
    before = checked
    check()
    print(f"{check.__name__[6:]}: {checked - before} runs", flush=True)
