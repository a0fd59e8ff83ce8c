"""outputs.py FOLDER files|devices: every command that writes a file, with each kind of thing that its output can be.

Two commands make the same bytes again and again, `compile` and `pull`; `keygen` and `aotc-exec --freeze` have rules of
their own. Devices are nodes made here, so that a mistake costs none that anybody needs.
"""
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading

from harness import AOTC, BIN, Server, fresh_folder, hello_wasm

folder = fresh_folder()
os.chmod(folder, 0o755)
wasm = hello_wasm(folder)
MODULE = f"{folder}/hello.wasm"


def run(words, status=0, says="", **how):
    done = subprocess.run(words, stderr=subprocess.PIPE, **{"stdout": subprocess.PIPE, **how})
    assert done.returncode == status and says in done.stderr.decode(), (words, done)
    return done


def at(name):
    return os.path.join(folder, name)


def write(path, data=b"old", mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def through_fifo(path, words):
    """What arrives in the FIFO."""
    arrived = []
    reader = threading.Thread(target=lambda: arrived.append(read(path)))
    reader.start()
    run(words)
    reader.join()
    return arrived[0]


def check_files(command, result):
    # As a whole: who has the old one open or another name for it keeps the old bytes.
    path = write(at("file"), mode=0o4750)
    os.link(path, at("other"))
    if os.geteuid() == 0:
        os.chown(path, 12, 34)
        os.chmod(path, 0o4750)
    before = os.stat(path)
    run(command(path))
    after = os.stat(path)
    assert read(path) == result and read(at("other")) == b"old" and before.st_ino != after.st_ino
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (before.st_uid, before.st_gid, 0o750), after
    mask = os.umask(0o027)
    run(command(at("new")))
    os.umask(mask)
    assert read(at("new")) == result and stat.S_IMODE(os.stat(at("new")).st_mode) == 0o640
    run(command("relative"), cwd=folder)
    assert read(at("relative")) == result
    longest = "n" * 255
    run(command(longest), cwd=folder)
    assert read(at(longest)) == result

    # A link stays, wherever it leads.
    os.mkdir(at("elsewhere"))
    write(at("elsewhere/target"))
    os.symlink("elsewhere/target", at("link"))
    os.symlink("link", at("link-to-link"))
    for link in ("link", "link-to-link"):
        run(command(at(link)))
        assert os.path.islink(at(link)) and read(at("elsewhere/target")) == result
        write(at("elsewhere/target"))
    os.symlink("nothing", at("dangling"))
    run(command(at("dangling")), 1, "dangling: a symbolic link that leads nowhere: No such file or directory")
    assert os.path.islink(at("dangling")) and not os.path.exists(at("nothing"))

    run(command(at("elsewhere")), 1, "elsewhere: cannot ")
    run(command(at("elsewhere/")), 1, "elsewhere/: cannot ")
    run(command(at("absent/file")), 1, "absent/file: cannot create: No such file or directory")
    run(command(at("file/file")), 1, "file/file: cannot open: Not a directory")

    # Descriptors, each by the names it has; what else there is to say goes to stderr.
    for name, fd in (("/dev/stdout", 1), ("/dev/fd/1", 1), ("/proc/self/fd/1", 1), ("/dev/fd/7", 7)):
        write(at("appended"), b"before ")
        with open(at("appended"), "ab") as file:
            shell = ["/bin/sh", "-c", f'exec "$0" "$@" {fd}>&9', *command(name)]
            os.dup2(file.fileno(), 9, inheritable=True)
            done = run(shell, close_fds=False)
            os.close(9)
        assert read(at("appended")) == b"before " + result, name
        assert (b"hello" in done.stderr or name.encode() in done.stderr) == (fd == 1), (name, done)
    left, right = socket.socketpair()
    arrived = []
    reader = threading.Thread(target=lambda: arrived.append(right.makefile("rb").read()))
    reader.start()
    run(command("/dev/stdout"), stdout=left)
    left.close()
    reader.join()
    assert arrived == [result]
    run(command("/dev/fd/99"), 1, "/dev/fd/99: cannot write: Bad file descriptor")
    # A file that has no name any more cannot be replaced, so it is written.
    with open(at("unlinked"), "w+b") as file:
        file.write(b"longer than the result" * len(result))
        file.flush()
        os.unlink(at("unlinked"))
        run(command(f"/proc/{os.getpid()}/fd/{file.fileno()}"))
        file.seek(0)
        assert file.read() == result

    os.mkfifo(at("fifo"))
    assert through_fifo(at("fifo"), command(at("fifo"))) == result and stat.S_ISFIFO(os.stat(at("fifo")).st_mode)
    bound = socket.socket(socket.AF_UNIX)
    os.chdir(folder)
    bound.bind("socket")
    run(command(at("socket")), 1, "socket: cannot open: No such device or address")


def check_rights(command, result):
    """As somebody who is not root: what he may not write stays; he cannot give away what he replaces."""
    if os.geteuid() != 0:
        return
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    os.mkdir(at("open"))
    os.chmod(at("open"), 0o777)
    write(at("open/readable"))
    run(command(at("open/readable")), 1, "readable: cannot open: Permission denied", **nobody)
    write(at("open/writable"), mode=0o666)
    run(command(at("open/writable")), **nobody)
    new = os.stat(at("open/writable"))
    assert (new.st_uid, stat.S_IMODE(new.st_mode)) == (65534, 0o606) and read(at("open/writable")) == result, new
    os.mkdir(at("closed"))
    write(at("closed/writable"), mode=0o666)
    run(command(at("closed/writable")), 1, "writable: cannot create: Permission denied", **nobody)
    assert read(at("closed/writable")) == b"old"


def check_devices(command, result):
    def is_device(path):
        return stat.S_ISCHR(os.stat(path).st_mode)

    for name, minor in (("null", 3), ("full", 7)):
        os.mknod(at(name), stat.S_IFCHR | 0o666, os.makedev(1, minor))
    os.symlink("null", at("link"))
    for name in ("null", "link"):
        run(command(at(name)))
        assert is_device(at(name))
    assert os.path.islink(at("link"))
    run(command(at("full")), 1, "full: cannot write: No space left on device")
    assert is_device(at("full"))


def check_compile():
    """What only compile can get wrong: its input, and the names for several targets."""
    os.link(MODULE, at("hard"))
    os.symlink("hello.wasm", at("soft"))
    for name in ("hello.wasm", "hard", "soft", "./elsewhere/../hello.wasm"):
        run([AOTC, "compile", MODULE, "-o", at(name)], 1, "the output would replace the input")
    with open(MODULE, "r+b") as file:
        run([AOTC, "compile", "/dev/stdin", "-o", "/dev/stdout"], 1, "the output would replace the input", stdin=file, stdout=file)
    shutil.copy(MODULE, at("odd.aotc"))
    run([AOTC, "compile", "odd.aotc"], 1, "odd.aotc: the output would replace the input", cwd=folder)
    shutil.copy(MODULE, at("two.x86_64.aotc"))
    run([AOTC, "compile", "two.x86_64.aotc", "--target", "all", "-o", "two"], 1, "would replace the input", cwd=folder)
    assert read(MODULE) == read(at("odd.aotc")) == read(at("two.x86_64.aotc")) == wasm and not os.path.exists(at("two.aarch64.aotc"))
    for name in ("fifo", "elsewhere/", "/dev/stdout"):
        run([AOTC, "compile", MODULE, "--target", "all", "-o", at(name)], 2, "several targets need the name of a file")
    write(at("all.x86_64.aotc"))
    os.symlink("elsewhere/target", at("all.aarch64.aotc"))
    run([AOTC, "compile", MODULE, "--target", "all", "-o", at("all")])
    assert read(at("all.x86_64.aotc"))[:4] == read(at("elsewhere/target"))[:4] == b"\x7fELF" and os.path.islink(at("all.aarch64.aotc"))
    run([AOTC, "compile", "/dev/stdin", "-o", "/dev/stdout", "--json"], says='"output": "/dev/stdout"', stdin=open(MODULE, "rb"))


def check_keygen():
    """Keys appear for their owner alone, replace nothing, and both or none."""
    os.umask(0)
    run([AOTC, "keygen", at("key")])
    secret = read(at("key.key"))
    assert [stat.S_IMODE(os.stat(at("key." + kind)).st_mode) for kind in ("key", "pub")] == [0o600, 0o644]
    run([AOTC, "keygen", at("key")], 1, "key.pub: cannot create: File exists")
    os.unlink(at("key.pub"))
    run([AOTC, "keygen", at("key")], 1, "key.key: cannot create: File exists")
    assert read(at("key.key")) == secret and not os.path.exists(at("key.pub"))
    os.symlink("nothing", at("planted.key"))
    run([AOTC, "keygen", at("planted")], 1, "planted.key: cannot create: File exists")
    assert not os.path.exists(at("nothing")) and not os.path.exists(at("planted.pub"))
    run(["/bin/sh", "-c", f"ulimit -f 0; exec {AOTC} keygen {at('cut')}"], 1, "cut.pub: cannot write: File too large")
    assert not os.path.exists(at("cut.pub")) and not os.path.exists(at("cut.key"))
    os.umask(0o022)


def check_freeze():
    """The snapshot does not empty the artifact that it is made with."""
    artifact = at("new")
    before = read(artifact)
    os.link(artifact, at("same"))
    run([f"{BIN}/aotc-exec", "--freeze", at("same"), artifact], 2, "--freeze: would replace the artifact")
    assert read(artifact) == before


run([AOTC, "keygen", at("server")])
with Server(folder, "--sign-key", at("server.key")) as server:
    job = server.wait(server.upload(wasm, "?tier=quick&name=acme/hello&tag=v1")[1]["id"])
    host = f"127.0.0.1:{server.port}"
    for command in (lambda path: [AOTC, "compile", MODULE, "--tier", "quick", "-o", path],
                    lambda path: [AOTC, "pull", f"{host}/acme/hello:v1", "-o", path]):
        kept = set(os.listdir(folder))
        run(command(at("result")))
        result = read(at("result"))
        for check in {"files": (check_files, check_rights), "devices": (check_devices,)}[sys.argv[2]]:
            check(command, result)
        assert not [name for name in os.listdir(folder) if name.startswith(".aotc-")]  # what was not finished
        if sys.argv[2] == "files" and command(0)[1] == "compile":
            check_compile()
            check_keygen()
            check_freeze()
        for name in set(os.listdir(folder)) - kept:
            subprocess.run(["rm", "-rf", at(name)], check=True)
