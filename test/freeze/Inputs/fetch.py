"""Starts a server on a free port, fetches "/" and then "/exit", prints the body and the exit code.

  fetch.py COMMAND...    PORT in an argument is replaced
"""
import contextlib
import sys
import urllib.request

from harness import serving


def fetch(port, path="/"):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read().decode()


with serving(sys.argv[1:], lambda port: print(fetch(port), end="")) as (server, port):
    with contextlib.suppress(OSError):
        fetch(port, "/exit")
    print("exit code", server.wait(timeout=10))
