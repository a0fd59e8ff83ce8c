# The OpenAPI document describes what there is: every path and method in it is answered, every other method refused, and what
# comes back has the described form.
# RUN: %python %s %t
import json
import subprocess

from harness import AOTC, Server, fresh_folder, hello_wasm

folder = fresh_folder()
with Server(folder) as server:
    document = server.get_json("/v1/openapi.json")
    schemas = document["components"]["schemas"]

    # The options are those of the command line, but for what is of its machine, and the server checks each of them.
    job = server.upload(hello_wasm(folder), "?tier=quick&target=host")[1]
    options = document["paths"]["/v1/compile"]["post"]["parameters"]
    said = subprocess.check_output([AOTC, "compile", "--help"], text=True)
    for option in options:
        name, schema = option["name"], option["schema"].get("items", option["schema"])
        assert f"--{name}" in said or name == "tag", option
        values = {"env": "A=B", "warmup": "QQ==", "name": "other", "arg": "one", "cpu": "x86-64", "target": "x86_64"}
        right = {"module": job["module"], "target": "x86_64", "tier": "quick", name: values.get(name, schema.get("default"))}
        wrong = {**right, name: schema.get("maximum", 0) + 1 if schema["type"] == "integer" else "\0"}
        for asked, expected in (right, (200, 202)), (wrong, (400,)):
            status, headers, body = server.request("POST", "/v1/compile", json.dumps(asked), {"Content-Type": "application/json"})
            assert status in expected and (status != 400 or json.loads(body)["detail"].startswith(name + ": ")), (asked, body)
    assert {option["name"] for option in options}.isdisjoint({"dir", "secret-env"}) and len(options) == 13, options

    def check(value, schema):
        if "$ref" in schema:
            return check(value, schemas[schema["$ref"].rsplit("/", 1)[1]])
        kind = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}[schema["type"]]
        assert isinstance(value, kind), (value, schema)
        assert value in schema.get("enum", [value]), (value, schema)
        if kind is list:
            for item in value:
                check(item, schema["items"])
        if kind is dict:
            assert set(schema.get("required", [])) <= set(value), (value, schema)
            for key, item in value.items():
                if key in schema.get("properties", {}):
                    check(item, schema["properties"][key])
                else:
                    assert schema.get("additionalProperties", True) is not False, (key, schema)

    job = server.upload(hello_wasm(folder), "?tier=quick&target=host")[1]
    check(job, schemas["Job"])
    check(server.wait(job["id"]), schemas["Job"])
    check(server.wait(server.upload(b"not a module")[1]["id"]), schemas["Job"])
    for path, methods in document["paths"].items():
        for method in ("get", "post", "put", "delete", "patch"):
            status, headers, body = server.request(method.upper(), path.replace("{id}", job["id"]))
            assert (status != 405) == (method in methods), (path, method, status)
            if method in methods:
                usual = {"400", "413", "429", "431", "500", "503"} | (set() if path in ("/healthz", "/readyz") else {"401", "403"})
                assert usual <= set(methods[method]["responses"]), (path, method)
                assert str(status) in methods[method]["responses"], (path, method, status)
                if status == 200:
                    form = headers["content-type"].split(";")[0]
                    content = methods[method]["responses"]["200"]["content"]
                    assert form in content, (path, form)
                    if "schema" in content[form]:
                        check(json.loads(body), content[form]["schema"])
    for path in ("/metrics/", "/v1/", "/v1/openapi", "/v1/job"):
        assert server.request("GET", path)[0] == 404, path
