"""fetch.py COUNT THREADS COMMAND...: starts a server, with PORT replaced by a free port, and fetches COUNT pages from it."""
import concurrent.futures
import socket
import subprocess
import sys
import time
import urllib.request

count, threads, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
server = subprocess.Popen([word.replace("PORT", str(port)) for word in command])
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode}")
        time.sleep(0.1)


def fetch(number):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(f"http://127.0.0.1:{port}/page/{number}", timeout=60).read().decode()


try:
    # The probe above was the first connection.
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        pages = list(pool.map(fetch, range(count - 1)))
    print(f"{len(pages) + 1} pages, server exit code {server.wait(60)}")
    print(pages[-1])
finally:
    server.kill()
