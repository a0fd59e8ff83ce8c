"""listen.py MODULE: what the program of listen.go answers, once it has said all of it."""
import subprocess
import sys

from harness import AOTC, connect, read_all, serving


def begun(process):
    """The last line before it listens for good."""
    return any(line.startswith("at once") for line in iter(process.stdout.readline, ""))


with serving([AOTC, "run", sys.argv[1], "--tier", "quick", "--tcplisten", "127.0.0.1:PORT"], lambda port: None, stdout=subprocess.PIPE, text=True) as (process, port):
    if begun(process):
        with connect(port) as connection:
            print(read_all(connection).decode(), end="")
    sys.exit(process.wait())
