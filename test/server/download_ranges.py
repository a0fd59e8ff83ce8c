# Blobs are served whole, by range, or not at all to who has them; a repository serves its own blobs only.
# RUN: %python %s %t
from harness import Server, fresh_folder, hello_wasm

folder = fresh_folder()
with Server(folder) as server:
    _, job = server.upload(hello_wasm(folder), "?tier=quick&target=host&name=hello")
    job = server.wait(job["id"])
    digest = job["artifacts"][0]["digest"]
    path = f"/v2/hello/blobs/{digest}"
    whole = server.get(path)
    size = len(whole)
    for text, begin, end in (("0-3", 0, 4), ("5-5", 5, 6), ("100-", 100, size), ("-7", size - 7, size),
                             (f"10-{size + 5}", 10, size), (f"-{size + 1}", 0, size)):
        status, headers, body = server.request("GET", path, headers={"Range": "bytes=" + text})
        assert status == 206 and body == whole[begin:end], (text, status)
        assert headers["content-range"] == f"bytes {begin}-{end - 1}/{size}", headers
    for text in (f"{size}-", "-0", "5-3"):
        status, headers, _ = server.request("GET", path, headers={"Range": "bytes=" + text})
        assert status == 416 and headers["content-range"] == f"bytes */{size}", (text, status)
    for text in ("bytes=a-b", "bytes=0-1,4-5", "lines=1-2", "bytes=", "bytes=99999999999999999999-"):
        status, _, body = server.request("GET", path, headers={"Range": text})
        assert status == 200 and body == whole, text

    for match in (f'"{digest}"', f'"x", W/"{digest}"', "*"):
        status, headers, body = server.request("GET", path, headers={"If-None-Match": match})
        assert status == 304 and body == b"" and headers["etag"] == f'"{digest}"', (match, status)
    assert server.request("GET", path, headers={"If-None-Match": '"sha256:0"'})[0] == 200
    status, headers, body = server.request("HEAD", path)
    assert status == 200 and int(headers["content-length"]) == size and body == b""

    server.upload(hello_wasm(folder), "?tier=best&target=host&name=other")
    for wrong, expected in ((path.replace("hello", "other"), 404), (f"/v2/hello/blobs/sha256:{'0' * 64}", 404),
                            (f"/v2/hello/manifests/{digest}", 404), ("/v2/hello/blobs/sha256:12", 400),
                            ("/v2/hello/manifests/nothing", 404), ("/v2/Hello/manifests/latest", 400),
                            ("/v2/nobody/tags/list", 404), ("/v2/hello/bogus/latest", 404), ("/v2/hello", 404)):
        status, _, body = server.request("GET", wrong)
        assert status == expected and b'"errors"' in body, (wrong, status, body)
    assert server.request("PATCH", "/v2/hello/manifests/latest", b"{}")[0] == 405
    assert server.get("/v2/") == b"{}\n"
