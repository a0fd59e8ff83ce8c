# Whatever the socket of commands is sent is answered with what is wrong with it, and the server goes on.
# RUN: %python %s %t
import json
import os
import socket

from harness import Server, fresh_folder

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


KEEP, TO = '"keep" is not a number from 1 to 1000', '"to" is not an absolute path'
with Server(folder, "--backups", backups) as server:
    for keep in ('"7"', '"x"', "null", "[7]", "{}", "true", "-1", "0", "1001", "7.5", "1e2", "1" + "0" * 23, "4294967303", "18446744073709551616"):
        assert ask(server.data, f'{{"command": "backup", "to": "{backups}", "keep": {keep}}}') == {"error": KEEP}, keep
    assert ask(server.data, f'{{"command": "backup", "to": "{backups}"}}') == {"error": KEEP}
    for to in ("7", "null", '""', '"backups"', '["/x"]'):
        assert ask(server.data, f'{{"command": "backup", "to": {to}, "keep": 7}}') == {"error": TO}, to
    for name in ("7", "null", '"serve"', '["backup"]'):
        assert ask(server.data, f'{{"command": {name}}}')["error"].startswith("unknown command"), name
    for line in ("", "7", "[]", "{", "\\", '"' + "x" * (1 << 17)):
        assert ask(server.data, line) is None, line[:10]
    assert "is needed" in ask(server.data, '{"command": "revoke", "compiler": 7, "index": [], "repository": {}, "reason": 7}')["error"]
    assert "reason" in ask(server.data, '{"command": "revoke", "compiler": "0.0.1", "reason": 7}')["error"]
    assert ask(server.data, f'{{"command": "backup", "to": "{backups}", "keep": 7}}') == {"done": f"backed up to {backups}"}
    assert server.request("GET", "/healthz")[0] == 200
