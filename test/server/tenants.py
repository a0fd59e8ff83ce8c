# Every route but /healthz and /readyz needs a token; what a token may do is its roles on its tenant's repositories. Tenants
# cannot read, list, delete or even recognise what others have. The token file is read again on SIGHUP.
# RUN: %python %s %t
import base64
import signal

from harness import Server, fresh_folder, hello_wasm, sha256, write_tokens

folder = fresh_folder()
wasm = hello_wasm(folder)
tenants = {"acme": {"tokens": {"acme-rw": ["pull", "push"], "acme-ro": ["pull"], "acme-wo": ["push"]}},
           "evil": {"tokens": {"evil-rw": ["pull", "push"]}}}
tokens = write_tokens(folder, tenants)
with Server(folder, "--token-file", tokens) as server:
    acme, reader, writer = (server.as_user(token) for token in ("acme-rw", "acme-ro", "acme-wo"))
    evil, operator = server.as_user("evil-rw"), server.as_user("root")
    for path in ("/healthz", "/readyz"):
        assert server.get(path) == b"ok\n"
    routes = ("/v1/modules", "/v1/stats", "/metrics", "/v1/jobs/" + "0" * 32, "/v2/", "/v2/_catalog", "/nothing",
              "/v2/acme/app/tags/list", "/v2/acme/app/manifests/latest", "/v2/acme/app/blobs/sha256:" + "0" * 64)
    strangers = ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": "acme-rw"},
                 {"Authorization": "Bearer " + sha256(b"acme-rw")[7:]}, {"Authorization": "Basic !"},
                 {"Authorization": "Basic " + base64.b64encode(b"acme-rw").decode()}, {"Authorization": "Digest acme-rw"})
    for path in routes:
        for headers in strangers:
            status, answer, _ = server.request("GET", path, headers=headers)
            assert status == 401 and "www-authenticate" in answer, (path, headers, status)
    assert server.request("POST", "/v1/compile", wasm)[0] == 401
    assert server.request("DELETE", "/v2/acme/app/manifests/latest")[0] == 401
    # Who has no token is asked for one, as registry clients are before each poll; who tries one that is not good is counted apart.
    stats = operator.stats()
    assert stats["challenged"] == len(routes) + 2 and stats["denied"] == len(routes) * (len(strangers) - 1), stats
    basic = {"Authorization": "Basic " + base64.b64encode(b"anybody:acme-ro").decode()}
    assert server.request("GET", "/v2/", headers=basic)[0] == 200

    # Roles.
    assert reader.upload(wasm)[0] == 403 and operator.upload(wasm)[0] == 403
    status, job = writer.upload(wasm, "?tier=quick&target=host&name=acme/app")
    assert status == 202, job
    assert writer.request("GET", f"/v1/jobs/{job['id']}")[0] == 403
    record = reader.wait(job["id"])
    assert record["state"] == "done", record
    for user in (acme, reader, evil):
        assert user.request("GET", "/metrics")[0] == 403 and user.request("GET", "/v1/stats")[0] == 403
    assert operator.stats()["uploads"] == 1
    assert reader.request("DELETE", "/v2/acme/app/manifests/latest")[0] == 403

    # Another tenant.
    artifact = record["artifacts"][0]["digest"]
    for path in ("/v2/acme/app/tags/list", "/v2/acme/app/manifests/latest", f"/v2/acme/app/blobs/{artifact}",
                 f"/v2/acme/app/manifests/{record['index']}", "/v2/acme/nothing/tags/list", "/v2/acme/tags/list"):
        assert evil.request("GET", path)[0] == 403, path
    assert evil.request("DELETE", "/v2/acme/app/manifests/latest")[0] == 403
    assert evil.request("GET", f"/v1/jobs/{job['id']}")[0] == 404
    assert evil.request("DELETE", f"/v1/jobs/{job['id']}")[0] == 404
    assert evil.request("GET", f"/v2/evil/app/blobs/{artifact}")[0] == 404
    assert evil.get_json("/v1/modules") == {"modules": []}
    assert evil.get_json("/v2/_catalog") == {"repositories": []}
    for name in ("acme/app", "acme", "evil", "evilish/app", "app"):
        status, problem = evil.upload(wasm, "?name=" + name)
        assert status == 400 and 'start with "evil/"' in problem["detail"], (name, problem)
    # The same module is compiled again: whether somebody else has it does not show.
    status, theirs = evil.upload(wasm, "?tier=quick&target=host")
    assert status == 202, theirs
    assert evil.wait(theirs["id"])["images"] == [{"name": "evil/modules/" + sha256(wasm)[7:], "tag": "latest"}]
    assert operator.stats()["compiled"] == 2
    assert [m["id"] for m in acme.get_json("/v1/modules")["modules"]] == [job["id"]]
    assert operator.get_json("/v2/_catalog")["repositories"] == ["acme/app", "evil/modules/" + sha256(wasm)[7:]]
    assert acme.get_json("/v2/_catalog") == {"repositories": ["acme/app"]}
    assert operator.get("/v2/acme/app/manifests/latest") == acme.get("/v2/acme/app/manifests/latest")

    # A new file: one token goes, one comes. A broken one changes nothing.
    del tenants["acme"]["tokens"]["acme-rw"]
    tenants["acme"]["tokens"]["acme-new"] = ["pull"]
    for text, expected in ((None, (401, 200)), ("{", (401, 200)), ('{"tenants": {"acme": {"bites": 1}}}', (401, 200))):
        write_tokens(folder, tenants)
        if text is not None:
            with open(tokens, "w") as file:
                file.write(text)
        server.process.send_signal(signal.SIGHUP)
        while text is None and server.as_user("acme-new").request("GET", "/v2/")[0] != 200:
            pass
        while text is not None and "stays as it was: " + tokens not in open(server.log).read():
            pass
        open(server.log, "w").close()
        assert (acme.request("GET", "/v2/")[0], server.as_user("acme-new").request("GET", "/v2/")[0]) == expected
