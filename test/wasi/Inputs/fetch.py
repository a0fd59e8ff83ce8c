"""fetch.py COUNT THREADS COMMAND...: starts a server, with PORT replaced by a free port, and fetches COUNT pages from it."""
import concurrent.futures
import sys
import urllib.request

from harness import serving

count, threads, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
with serving(command) as (server, port), concurrent.futures.ThreadPoolExecutor(threads) as pool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    # To see whether it listens was the first connection.
    pages = list(pool.map(lambda number: opener.open(f"http://127.0.0.1:{port}/page/{number}", timeout=60).read().decode(), range(count - 1)))
    print(f"{len(pages) + 1} pages, server exit code {server.wait(60)}")
    print(pages[-1])
