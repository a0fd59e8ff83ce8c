# The socket by which `aotc-server backup`, `rebuild` and `revoke` reach a server: no other user of the machine can connect;
# whatever its own user sends is answered with what is wrong with it, and the server goes on; who says nothing is let go.
# RUN: %python %s %t
import json
import os
import socket
import subprocess

from harness import BIN, Server, fresh_folder

folder = fresh_folder()
backups = os.path.abspath(f"{folder}/backups")


def ask(data, text):
    """The answer to a line, however long the socket's path is."""
    at = os.open(data, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"/proc/self/fd/{at}/control")
        os.close(at)
        try:
            connection.sendall(text.encode() + b"\n")
            answer = connection.makefile().read()
        except (BrokenPipeError, ConnectionResetError):  # it did not read all of it
            return None
    return json.loads(answer) if answer else None


def is_refused(data, uid):
    """Whether a process of that user, with the folder open, cannot connect."""
    at = os.open(data, os.O_PATH)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        try:
            os.fchdir(at)
            socket.socket(socket.AF_UNIX).connect("control")
        except PermissionError:
            os._exit(0)
        os._exit(1)
    os.close(at)
    return os.waitpid(child, 0)[1] == 0


KEEP, TO = '"keep" is not a number from 1 to 1000', '"to" is not an absolute path'
with Server(folder, "--backups", backups) as server:
    assert os.stat(f"{server.data}/control").st_mode & 0o777 == 0o600
    if os.geteuid() == 0:
        os.chmod(server.data, 0o755)
        assert is_refused(server.data, 65534)
        os.chmod(f"{server.data}/control", 0o666)  # so that it is the mode of the socket that stops it
        assert not is_refused(server.data, 65534)
        os.chmod(f"{server.data}/control", 0o600)
    for keep in ('"7"', '"x"', "null", "[7]", "{}", "true", "-1", "0", "1001", "7.5", "1e2", "1" + "0" * 23, "4294967303", "18446744073709551616"):
        assert ask(server.data, f'{{"command": "backup", "to": "{backups}", "keep": {keep}}}') == {"error": KEEP}, keep
    assert ask(server.data, f'{{"command": "backup", "to": "{backups}"}}') == {"error": KEEP}
    for to in ("7", "null", '""', '"backups"', '["/x"]'):
        assert ask(server.data, f'{{"command": "backup", "to": {to}, "keep": 7}}') == {"error": TO}, to
    for name in ("7", "null", '"serve"', '["backup"]'):
        assert ask(server.data, f'{{"command": {name}}}')["error"].startswith("unknown command"), name
    for line in ("", "7", "[]", "{", "\\", '"' + "x" * (1 << 17)):
        assert ask(server.data, line) is None, line[:10]
    for compiler in ("7", "null", '""', "{}"):
        assert ask(server.data, f'{{"command": "rebuild", "compiler": {compiler}}}')["error"] == '"compiler" is not a version'
    assert "is needed" in ask(server.data, '{"command": "revoke", "compiler": 7, "index": [], "repository": {}, "reason": 7}')["error"]
    assert "reason" in ask(server.data, '{"command": "revoke", "compiler": "0.0.1", "reason": 7}')["error"]
    assert ask(server.data, f'{{"command": "backup", "to": "{backups}", "keep": 7}}') == {"done": f"backed up to {backups}"}
    assert server.request("GET", "/healthz")[0] == 200
    silent = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    at = os.open(server.data, os.O_PATH)
    for connection in silent:
        connection.connect(f"/proc/self/fd/{at}/control")
    done = subprocess.run([os.path.join(BIN, "aotc-server"), "backup", "--data", server.data, "--to", backups], capture_output=True, text=True)
    assert done.returncode == 0 and "backed up" in done.stdout, done
