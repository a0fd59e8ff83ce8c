"""tenant_memory.py ARTIFACT: native code that takes memory, beside another app; see ../tenant_memory.test"""
import sys

from harness import check, connect, read_all
from node import get, node

with node([f"evil={sys.argv[1]}", f"other={sys.argv[1]}"], "--route", "evil.example=evil", "--route", "/=other", "--deadline", "60s",
          "--max-memory", "64M", "--tenant-memory", "256M") as n:
    for times in range(1, 3):
        with connect(n.port) as client:
            client.sendall(b"GET /?1 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            for _ in range(20):
                check(get(n.port, "/")[0] == 200, "the other app is served")
            check(read_all(client).startswith(b"HTTP/1.1 502"), "it does not get that far")
        n.wait_log("its process ended: signal 9: it used more memory than it may", times - 1)
        n.wait_for(lambda: sum(line["message"] == "ready" for line in n.lines) == 2 + times, "it is back")
    check(n.metric('restarts_total.*"other"') == 0, "the other process is the same")
