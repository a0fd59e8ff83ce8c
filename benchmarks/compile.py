"""benchmarks/run compile: what compiling costs, beside wasmtime.

Each compiler runs as a process of its own; wall and CPU time and peak memory are the kernel's accounts of it. wasmtime's
include the start of the Python that drives it (0.1 s). Runs are interleaved and medians printed.
"""
import os

import common
import modules as others

PROGRAMS = ["hello", "kernels", "nethttp", "large", "giant", *others.NAMES]


def measure(workspace, arguments):
    results = {}
    programs = arguments.names or PROGRAMS
    modules = {program: others.make(workspace, program) if program in others.NAMES else workspace.go_build(program, wasm=True)
               for program in programs}
    outputs = {(p, e): workspace.path(f"{p}.{e}.out") for p in programs for e in arguments.engines}
    for number in range(arguments.runs):
        common.say(f"run {number + 1} of {arguments.runs}")
        for program in programs:
            for engine in arguments.engines:
                output = outputs[program, engine]
                if engine == "wasmtime":
                    command = [*workspace.wasmtime("compile"), modules[program], output]
                else:
                    command = [workspace.aotc(), "compile", modules[program], "--snapshot", "off", "--imports", "any", "--tier", engine.removeprefix("aotc-"), "-o", output]
                _, costs = common.run(command)
                entry = results.setdefault(program, {}).setdefault(engine, {"wall_s": [], "cpu_s": [], "peak_bytes": []})
                entry["wall_s"].append(costs.wall)
                entry["cpu_s"].append(costs.cpu)
                entry["peak_bytes"].append(costs.peak)
                entry["code_bytes"] = common.elf_section_size(output, ".text")
                entry["file_bytes"] = os.path.getsize(output)
    for program in programs:
        results[program]["wasm_bytes"] = os.path.getsize(modules[program])
        results[program]["largest_function_bytes"] = max(common.wasm_body_sizes(modules[program]))
    return results


def report(results, arguments):
    common.print_table([[program, f"{entry['wasm_bytes'] / 1e6:.2f}", f"{entry['largest_function_bytes'] / 1e3:.0f}"]
                        for program, entry in results.items()], ["", "wasm MB", "largest function kB"])
    print()
    rows = []
    for program, by_engine in results.items():
        base = by_engine.get("wasmtime")
        for engine in arguments.engines:
            entry = by_engine[engine]

            def ratio(key):
                if not base or engine == "wasmtime":
                    return ""
                value = lambda e: common.median(e[key]) if isinstance(e[key], list) else e[key]
                return f" ({value(entry) / value(base):.2f}x)"

            rows.append([f"{program} {engine}",
                         f"{common.median(entry['wall_s']):.2f}{ratio('wall_s')}",
                         f"{common.median(entry['cpu_s']):.2f}{ratio('cpu_s')}",
                         f"{common.median(entry['peak_bytes']) / 1e6:.0f}{ratio('peak_bytes')}",
                         f"{entry['code_bytes'] / 1e6:.2f}{ratio('code_bytes')}",
                         f"{entry['file_bytes'] / 1e6:.2f}{ratio('file_bytes')}"])
    print(f"medians of {arguments.runs} interleaved runs; in brackets the ratio to wasmtime")
    common.print_table(rows, ["", "wall s", "CPU s", "peak MB", "code MB", "file MB"])


def main(workspace, arguments):
    results = measure(workspace, arguments)
    report(results, arguments)
    common.write_json(arguments.json, "compile", workspace, {"runs": arguments.runs}, results)
