# A tenant with many jobs delays another's by no more than the job that is running: of a backlog that is there at the start,
# the modest tenant's only job is the second to end.
# RUN: %python %s %t
from harness import Server, different, fresh_folder, hello_wasm, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
tokens = write_tokens(folder, {name: {"tokens": {name: ["pull", "push"]}} for name in ("greedy", "modest")})
with Server(folder, "--token-file", tokens, "--workers", "0") as server:
    sent = [("greedy", server.as_user("greedy").upload(different(wasm, str(i)), "?tier=quick&target=host")[1]["id"])
            for i in range(12)]
    sent.append(("modest", server.as_user("modest").upload(wasm, "?tier=quick&target=host")[1]["id"]))
    assert server.as_user("root").stats()["waiting_jobs"] == 13
with Server(folder, "--token-file", tokens, "--workers", "1") as server:
    ended = sorted((server.as_user(tenant).wait(job)["finished"], tenant) for tenant, job in sent)
    assert ended[1][1] == "modest", ended
