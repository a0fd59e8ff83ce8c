"""Folders of --config and --secrets, and what the program of test/edge/Inputs/app says that it finds there."""
import os

from harness import check
from node import get


def values(path, **files):
    """The folder `path`, with these files."""
    os.makedirs(path, exist_ok=True)
    for file, text in files.items():
        with open(f"{path}/{file}", "w") as out:
            out.write(text)
    return path


def shown(n, app, name):
    """What an app is told by this name, by what it asked."""
    status, text = get(n.port, f"/values?name={name}", host=app)
    check(status == 200, f"{text}")
    return dict(line.split(": ", 1) for line in text.decode().splitlines())
