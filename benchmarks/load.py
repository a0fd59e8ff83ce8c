"""benchmarks/run load: the time from an artifact on disk (in the page cache) to its first host call.

benchmarks/load.c does the measuring inside one process: load, create an instance, call the entry point, and stop the
clock in the first function that the guest asks of its host. hello and net/http differ four-fold in size; loading must not.
"""
import json
import os

import common

PROGRAMS = ["hello", "nethttp"]


def main(workspace, arguments):
    loader = os.path.join(workspace.build, "bin", "aotc-load-benchmark")
    if not os.path.exists(loader):
        common.fail(f"{loader} is missing; build aotc first")
    rows, results = [], {}
    for program in PROGRAMS:
        artifact = workspace.path(f"{program}.aotc")
        common.run([workspace.aotc(), "compile", workspace.go_build(program, wasm=True), "--tier", "quick", "--snapshot", "off", "-o", artifact])
    for number in range(arguments.runs):
        for program in PROGRAMS:
            output, _ = common.run([loader, workspace.path(f"{program}.aotc"), "200"])
            for phase, value in json.loads(output).items():
                results.setdefault(program, {}).setdefault(phase, []).append(value)
    phases = list(next(iter(results.values())))
    for program, by_phase in results.items():
        size = os.path.getsize(workspace.path(f"{program}.aotc"))
        rows.append([program, f"{size / 1e6:.2f}"] + [f"{common.median(by_phase[phase]):.1f}" for phase in phases])
    print(f"microseconds: median of {arguments.runs} runs of 200 loads each")
    common.print_table(rows, ["program", "file MB"] + phases)
    common.write_json(arguments.json, "load", workspace, {"runs": arguments.runs}, results)
