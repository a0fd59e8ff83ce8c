"""Starts a server on a free port, fetches "/" and then "/exit", prints the body, the time and the exit code.

  fetch.py COMMAND...    PORT in an argument is replaced
"""
import socket
import subprocess
import sys
import time
import urllib.request

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
server = subprocess.Popen([word.replace("PORT", str(port)) for word in sys.argv[1:]])
for attempt in range(400):
    try:
        print(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read().decode(), end="")
        break
    except OSError:
        if attempt == 399 or server.poll() is not None:
            raise
        time.sleep(0.05)
try:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/exit", timeout=10)
except OSError:
    pass
print("exit code", server.wait(timeout=10))
