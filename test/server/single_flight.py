# Twenty simultaneous uploads of one module compile it once; other options are another job.
# RUN: %python %s %t
from concurrent.futures import ThreadPoolExecutor

from harness import Server, fresh_folder, hello_wasm

folder = fresh_folder()
wasm = hello_wasm(folder)
with Server(folder) as server, ThreadPoolExecutor(20) as pool:
    answers = list(pool.map(lambda i: server.upload(wasm, f"?tier=quick&name=n{i}"), range(20)))
    assert all(status in (200, 202) for status, _ in answers), answers
    jobs = {job["id"] for _, job in answers}
    assert len(jobs) == 1, jobs
    record = server.wait(jobs.pop())
    stats = server.stats()
    assert stats["uploads"] == 20 and stats["compiled"] == 1, stats
    assert stats["single_flight_hits"] + stats["cache_hits"] == 19, stats
    for i in range(20):
        assert server.get_json(f"/v2/n{i}/tags/list")["tags"] == ["latest"]

    status, other = server.upload(wasm, "?tier=quick&target=x86_64")
    assert other["id"] != record["id"]
    assert server.wait(other["id"])["state"] == "done" and server.stats()["compiled"] == 2
