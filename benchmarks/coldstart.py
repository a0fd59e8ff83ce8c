"""benchmarks/run coldstart: what a fresh instance per request costs, in the node runtime and in wasmtime at its best.

Both engines run in one process, without HTTP front and network: the request comes from memory and the response goes
there, through the same WASI host (benchmarks/coldstart.c, benchmarks/engines/wasmtime_pooled.c).
"""
import json
import os

import common

PROGRAMS = ["hello", "nethttp", "nethttp+unrehearsed", "templates", "templates+warmup", "setup", "heap"]
REQUEST = b"GET /abc HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\nAccept: */*\r\n\r\n"
MIXED = [REQUEST,
         b"HEAD /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n",
         b"GET /?" + b"q=1&" * 200 + b" HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-Field-%d: %d\r\n" % (n, n) for n in range(40)) + b"\r\n",
         b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n" + b"a" * 20000]
KEEP_RESIDENT = 16 << 20  # bytes that wasmtime copies back instead of unmapping; more or less is slower for these programs


def tool(workspace, name):
    path = os.path.join(workspace.build, "bin", name)
    return path if os.path.exists(path) else common.fail(f"{path} is missing; build aotc first")


def main(workspace, arguments):
    requests = [workspace.path(f"request.{number}.http") for number in range(len(MIXED))]
    for path, content in zip(requests, MIXED):
        with open(path, "wb") as file:
            file.write(content)
    request = requests[0]
    results = {}
    for program in arguments.names or PROGRAMS:
        source, how = common.frozen_how(program, request)
        module, artifact = workspace.go_build(source, wasm=True), workspace.path(f"{program}.frozen.aotc")
        mode = "off" if program == "hello" else "required"  # it exits, so there is nothing to freeze
        common.run([workspace.aotc(), "compile", module, "--snapshot", mode, "--freeze-timeout", "60s", *how, "-o", artifact])
        rows = results[program] = {"aotc": [], "wasmtime": []}
        library = workspace.libwasmtime()
        for _ in range(arguments.runs):
            rows["aotc"].append(json.loads(common.run([tool(workspace, "aotc-coldstart-benchmark"), artifact, "10000", "best", *requests])[0]))
            if "wasmtime" not in arguments.engines or how:
                continue
            count = "20" if program in ("setup", "heap") else "1000"
            command = [tool(workspace, "aotc-wasmtime-pooled"), library, module, count, str(KEEP_RESIDENT), request]
            rows["wasmtime"].append(json.loads(common.run(command)[0]))
    print(f"microseconds: median [99th percentile], each the median of {arguments.runs} runs of 10,000 requests, after 10,000 mixed ones (wasmtime: 1,000, or 20)")
    table = []
    for program, rows in results.items():
        def figure(engine, key, digits=1):
            values = [row[key] for row in rows[engine]]
            if not values:
                return "-"
            return " ".join(form.format(common.median([value[i] for value in values])) for i, form in
                            enumerate((f"{{:.{digits}f}}", f"[{{:.{digits}f}}]")))

        def ratio(ours, theirs):
            if not rows["wasmtime"]:
                return "-"
            return f"{common.median([r[theirs][0] for r in rows['wasmtime']]) / common.median([r[ours][0] for r in rows['aotc']]):.0f}x"

        table.append([program, figure("aotc", "enter", 2), figure("aotc", "response"), figure("aotc", "reset"), figure("aotc", "total"),
                      figure("aotc", "pages", 0), figure("wasmtime", "first_byte", 0), figure("wasmtime", "total", 0),
                      ratio("response", "first_byte"), ratio("total", "total")])
    common.print_table(table, ["program", "thaw", "response", "reset", "whole", "pages", "wasmtime first byte", "wasmtime whole", "first byte", "whole"])
    common.write_json(arguments.json, "coldstart", workspace, {"runs": arguments.runs}, results)
