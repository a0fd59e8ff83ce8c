# A compile that runs out of memory or time is a failure of that job only; the next server compiles the same module.
# RUN: %python %s %t
from harness import Server, fresh_folder, hello_wasm

folder = fresh_folder()
wasm = hello_wasm(folder)


def outcome(*options):
    with Server(folder, *options) as server:
        status, job = server.upload(wasm, "?tier=quick&target=host&name=hello")
        assert status == 202, (status, job)
        job = server.wait(job["id"])
        assert server.get("/healthz") == b"ok\n"
        return job, server.stats()


job, stats = outcome("--worker-memory", "2M")
assert job["state"] == "failed" and job["error"]["status"] == 422, job
assert "the compiler ended" in job["error"]["detail"] and stats["failed"] == 1, job

job, stats = outcome("--job-timeout", "1ms")
assert job["state"] == "failed" and "more than 0.001 s" in job["error"]["detail"], job

job, stats = outcome()
assert job["state"] == "done" and "error" not in job and stats["compiled"] == 1, job
