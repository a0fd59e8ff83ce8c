# A tenant that is over its bytes, jobs or processor time is refused with the reason; nobody else is. What it deletes is
# given back.
# RUN: %python %s %t
from harness import Server, different, fresh_folder, hello_wasm, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
QUICK = "?tier=quick&target=host&name="


def tenant(**quotas):
    return lambda name: {"tokens": {name: ["pull", "push"]}, **quotas}


kinds = {"free": tenant(), "small": tenant(bytes=100000), "idle": tenant(jobs=0), "slow": tenant(cpu_seconds=0)}
tokens = write_tokens(folder, {name: make(name) for name, make in kinds.items()})
with Server(folder, "--token-file", tokens) as server:
    free, small, idle, slow = (server.as_user(name) for name in kinds)
    status, problem = idle.upload(wasm, QUICK + "idle/a")
    assert status == 429 and "jobs" in problem["detail"], problem
    status, problem = slow.upload(wasm, QUICK + "slow/a")
    assert status == 429 and "processor seconds" in problem["detail"], problem

    # Each image is an artifact and some documents, together less than half of the quota.
    done = []
    for number in range(20):
        status, job = small.upload(different(wasm, str(number)), QUICK + f"small/m{number}")
        if status == 403:
            break
        assert status == 202, job
        job = small.wait(job["id"])
        if job["state"] == "failed":
            assert job["error"]["status"] == 403 and "100000 bytes" in job["error"]["detail"], job
            assert small.request("GET", f"/v2/small/m{number}/manifests/latest")[0] == 404
            break
        done.append((number, job))
    assert 1 <= len(done) < 10, (done, status, job)
    big = wasm + b"\x00\xc5\x9a\x0c\x04note" + b"x" * 200000
    status, problem = small.upload(big, QUICK + "small/big")
    assert status == 403 and "100000 bytes" in problem["detail"], problem
    status, job = free.upload(big, QUICK + "free/big")
    assert status == 202, job
    # The same image under another name costs nothing more.
    first, job = done[0]
    assert small.upload(different(wasm, str(first)), QUICK + "small/again")[0] == 200
    # Only when both names are gone there is room for another one.
    assert small.request("DELETE", f"/v2/small/m{first}/manifests/{job['index']}")[0] == 202
    status, other = small.upload(different(wasm, "other"), QUICK + "small/other")
    assert status == 403 or small.wait(other["id"])["state"] == "failed", other
    assert small.request("DELETE", f"/v2/small/again/manifests/{job['index']}")[0] == 202
    assert small.request("GET", "/v2/small/again/manifests/latest")[0] == 404
    status, other = small.upload(different(wasm, "other"), QUICK + "small/other")
    assert status == 202 and small.wait(other["id"])["state"] == "done", other

# The account survives a restart.
with Server(folder, "--token-file", tokens) as server:
    status, job = server.as_user("small").upload(different(wasm, "more"), QUICK + "small/more")
    assert status == 403 or server.as_user("small").wait(job["id"])["state"] == "failed", job
