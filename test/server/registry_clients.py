# crane lists, pulls and copies with a token as the password, for its own tenant only.
# REQUIRES: crane
# RUN: env CRANE=%crane %python %s %t
import base64
import json
import os
import subprocess

from harness import Server, fresh_folder, hello_wasm, write_tokens

folder = fresh_folder()


def crane(token, *arguments):
    home = os.path.join(folder, token)
    os.makedirs(home, exist_ok=True)
    with open(f"{home}/config.json", "w") as file:
        auth = base64.b64encode(f"token:{token}".encode()).decode()
        json.dump({"auths": {f"127.0.0.1:{server.port}": {"auth": auth}}}, file)
    return subprocess.run([os.environ["CRANE"], *arguments], env={"DOCKER_CONFIG": home, "HOME": home},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


tokens = write_tokens(folder, {name: {"tokens": {name: ["pull", "push"]}} for name in ("acme", "evil")})
with Server(folder, "--token-file", tokens) as server:
    acme = server.as_user("acme")
    job = acme.wait(acme.upload(hello_wasm(folder), "?tier=quick&name=acme/hello&tag=v1")[1]["id"])
    registry = f"127.0.0.1:{server.port}"
    repository = f"{registry}/acme/hello"

    def said(*arguments):
        result = crane("acme", *arguments)
        assert result.returncode == 0, result
        return result.stdout.decode().strip()

    assert said("catalog", registry) == "acme/hello"
    assert said("ls", repository) == "v1"
    assert said("digest", repository + ":v1") == job["index"]
    arm = said("digest", "--platform", "linux/arm64", repository + ":v1")
    layer = json.loads(said("manifest", f"{repository}@{arm}"))["layers"][0]
    result = crane("acme", "blob", f"{repository}@{layer['digest']}")
    assert len(result.stdout) == layer["size"] and result.stdout[:4] == b"\x7fELF", result.stderr
    for arguments in (("ls", repository), ("manifest", repository + ":v1"), ("delete", repository + ":v1")):
        result = crane("evil", *arguments)
        assert result.returncode != 0 and b"DENIED" in result.stderr, result
    assert crane("nobody", "ls", repository).returncode != 0
    assert said("delete", f"{repository}@{job['index']}") == ""
    assert said("catalog", registry) == ""
