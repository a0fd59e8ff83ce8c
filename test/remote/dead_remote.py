# A remote that is not there, takes connections and says nothing, says what is no answer, or less than it promised, or far too
# much: one sentence, and the module is compiled all the same, to the same bytes.
# RUN: %python %s %t
import contextlib
import os
import socket
import subprocess
import threading

from harness import AOTC, compile_wat, fresh_folder
from remotes import Key, Machine

folder = fresh_folder()
team = Key(folder, "team")
module = f"{folder}/add.wasm"
compile_wat(os.path.join(os.path.dirname(__file__), "../Inputs/add.wat"), module)
expected = subprocess.run([AOTC, "compile", module, "-o", "/dev/stdout", "--tier", "quick", "--cache", "off"], capture_output=True, check=True).stdout


@contextlib.contextmanager
def remote(answer, close=True):
    """Hears something from whoever connects, and says `answer`, again and again if it is a function."""
    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                held.append(connection)
                threading.Thread(target=say, args=[connection], daemon=True).start()

    def say(connection):
        with contextlib.suppress(OSError):
            connection.recv(1 << 16)
            connection.sendall(answer) if isinstance(answer, bytes) else answer(connection)
            if close:
                connection.shutdown(socket.SHUT_RDWR)

    held = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
    for connection in held:
        connection.close()


def compile_with(url, wait="60s"):
    machine = Machine(folder, "machine", url, "--cache-sign", team.secret, wait=wait)
    result = machine.compile(module)
    assert machine.artifact() == expected, url
    assert result["hits"] == 0, (url, result)
    subprocess.run(["rm", "-r", machine.cache], check=True)
    return machine.said


def endless(connection):
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x" * (1 << 20))


def list_without_end(connection):
    connection.sendall(b"*100000000\r\n")
    while True:
        connection.sendall(b":1\r\n" * 10000)


with socket.socket() as nobody:
    nobody.bind(("127.0.0.1", 0))
    port = nobody.getsockname()[1]
    for scheme in ("redis", "rediss", "http", "https"):
        said = compile_with(f"{scheme}://127.0.0.1:{port}")
        assert said.startswith(f"aotc: cache {scheme}://127.0.0.1:{port}: ") and said.count("\n") == 1 and "connect" in said, said
assert "resolve" in compile_with("redis://no-such-host.invalid"), "a name that nobody has"

REDIS = {
    b"": "it has closed the connection",
    b"nonsense\r\n": "it does not speak as Redis does",
    b"$5\r\nhal": "it has closed the connection",
    b"$-5\r\n" * 9: "it does not speak as Redis does",
    b"*2147483647\r\n": "it ",
    b"$2147483647\r\n" + b"x" * 1000: "it has closed the connection",
    b"*1\r\n" * 20: "it does not speak as Redis does",
    b"-ERR \x1b[31m" + b"x" * 5000 + b"\r\n": "ERR \\x1b[31mxxx",
    b"-MOVED 1 127.0.0.1\r\n": "MOVED 1 127.0.0.1",
    b"-MOVED 99999 127.0.0.1:1\r\n": "MOVED 99999",
    b"-MOVED 1 127.0.0.1:1\r\n": "its node 127.0.0.1:1: ",
    b"-MOVED 1 169.254.169.254:80\r\n": "its node 169.254.169.254:80: ",
    b"-ASK 1 :1\r\n": "its node 127.0.0.1:1: ",
    b"-LOADING Redis is loading the dataset in memory\r\n": "LOADING Redis is loading",
}
for answer, words in REDIS.items():
    with remote(answer) as port:
        said = compile_with(f"redis://127.0.0.1:{port}")
        assert said.startswith(f"aotc: cache redis://127.0.0.1:{port}: {words}") and said.endswith("; going on without\n"), (answer, said)
        assert said.count("\n") == 1 and len(said) < 300, said
# Where all of it lies no node can say.
for answer in b"-MOVED 1 127.0.0.1:1\r\n", b"-ASK 1 127.0.0.1:1\r\n":
    with remote(answer * 2, close=False) as port:
        stats = subprocess.run([AOTC, "cache", "stats", "--cache", f"{folder}/none", "--cache-remote", f"redis://127.0.0.1:{port}"], capture_output=True, text=True)
        assert stats.returncode == 1 and stats.stderr == f"aotc: cache redis://127.0.0.1:{port}: {answer[1:-2].decode()}\n", stats
# Values of another type are no functions; of one that is in itself a circle there is an end.
with remote(b":5\r\n" * 4, close=False) as port:
    assert compile_with(f"redis://127.0.0.1:{port}", "1s").startswith("aotc: cache ")
with remote(endless) as port:
    assert "it does not speak as Redis does" in compile_with(f"redis://127.0.0.1:{port}")
with remote(lambda connection: (connection.sendall(b"$2000000000\r\n"), endless(connection))) as port:
    assert "it answers with too much" in compile_with(f"redis://127.0.0.1:{port}")
with remote(list_without_end) as port:
    assert "it answers with too much" in compile_with(f"redis://127.0.0.1:{port}")

HTTP = {
    b"": "",
    b"nonsense": "",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort": "",
    b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n": "it answers HTTP 500",
    b"HTTP/1.1 307 There\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n": "it answers HTTP 307",
    b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100000 + b"\r\n": "",
}
for answer, words in HTTP.items():
    with remote(answer) as port:
        said = compile_with(f"http://127.0.0.1:{port}")
        assert said.startswith(f"aotc: cache http://127.0.0.1:{port}: {words}") and said.endswith("; going on without\n"), (answer, said)
with remote(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong") as port:
    said = compile_with(f"http://127.0.0.1:{port}")
    assert "of what it holds was not signed by a trusted key" in said, said
with remote(lambda connection: (connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n"), endless(connection))) as port:
    assert compile_with(f"http://127.0.0.1:{port}", "20s") != ""

# Who says nothing is not waited for longer than asked; without being asked, hardly at all.
for scheme in ("redis", "rediss", "http", "https"):
    with remote(b"", close=False) as port:
        assert compile_with(f"{scheme}://127.0.0.1:{port}", "100ms") == \
            f"aotc: cache {scheme}://127.0.0.1:{port}: it did not answer in time; going on without\n"
print(len(REDIS) + len(HTTP), "answers that are none")
