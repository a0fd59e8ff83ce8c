"""benchmarks/run cache: what compiling costs where others have been compiled before, beside wasmtime.

Into an empty cache, in this order: hello, the kernels, a net/http server, then five programs of other people. Then each again, from its
artifact in the cache and, with artifacts removed, from its functions alone; then each after one function has changed, into the cache as it
was after the first time. With
--engines warm the cache is not empty: it holds Go's standard library (`aotc cache warm`). Every compilation is a process of
its own; wall and CPU time are the kernel's accounts of it. Hits are functions that were not compiled, and bytes of their wasm
bodies. Tier best.
"""
import json
import os
import re
import shutil

import common

PROGRAMS = ["hello", "kernels", "nethttp", "real/goldmark", "real/starlark", "real/chi", "real/goja", "real/coraza"]
STATES = ["first", "again", "functions", "changed"]


def build(workspace, program, changed):
    """The program, or one of which main() does one thing more."""
    programs = os.path.join(common.HERE, "programs")
    folder, _, name = program.rpartition("/")
    source = os.path.join(programs, folder)
    if changed:
        copy = workspace.path("changed")
        shutil.rmtree(copy, ignore_errors=True)
        os.makedirs(copy)
        shutil.copytree(os.path.join(source, name), os.path.join(copy, name))
        for file in ("go.mod", "go.sum"):
            if os.path.exists(os.path.join(source, file)):
                shutil.copy(os.path.join(source, file), copy)
        main = os.path.join(copy, name, "main.go")
        with open(main) as file:
            text = file.read()
        with open(main, "w") as file:
            file.write(re.sub(r"^func main\(\) \{", 'func main() {\n\tprintln("changed")', text, count=1, flags=re.MULTILINE))
        source = copy
    output = workspace.path(name + (".changed.wasm" if changed else ".wasm"))
    env = dict(os.environ, GOTOOLCHAIN="local", GOOS="wasip1", GOARCH="wasm", CGO_ENABLED="0", GOFLAGS="-mod=mod")
    env.pop("GOROOT", None)
    common.run([workspace.go, "build", "-o", output, "./" + name], env=env, cwd=source)
    return output


def measure(workspace, arguments):
    programs = arguments.names or PROGRAMS
    modules = {program: {changed: build(workspace, program, changed) for changed in (False, True)} for program in programs}
    cache, output = workspace.path("cache"), workspace.path("cache.aotc")
    warmed, before = workspace.path("warmed"), workspace.path("before")
    results = {program: {state: [] for state in STATES} for program in programs}

    def compile_(program, state):
        changed = state == "changed"
        command = [workspace.aotc(), "compile", modules[program][changed], "--snapshot", "off", "--cache", cache, "-o", output, "--json"]
        text, costs = common.run(command)
        said = json.loads(text)[0]
        entry = {"wall_s": costs.wall, "cpu_s": costs.cpu, "functions": said["functions"], "cached": said["cached"],
                 "hits": said["cached_functions"], "hit_bytes": said["cached_bytes"], "bytes": said["body_bytes"]}
        if state != "again" and "wasmtime" in arguments.engines:
            _, peer = common.run([*workspace.wasmtime("compile"), modules[program][changed], workspace.path("cache.cwasm")])
            entry.update(wasmtime_wall_s=peer.wall, wasmtime_cpu_s=peer.cpu)
        results[program][state].append(entry)

    for number in range(arguments.runs):
        common.say(f"run {number + 1} of {arguments.runs}")
        shutil.rmtree(cache, ignore_errors=True)
        if "warm" in arguments.engines:
            if not os.path.exists(warmed):
                common.run([workspace.aotc(), "cache", "warm", "--cache", warmed])
            shutil.copytree(warmed, cache)
        for state in STATES:
            for program in programs:
                if state == "functions":
                    shutil.rmtree(os.path.join(cache, "artifacts"), ignore_errors=True)
                elif state == "changed":
                    shutil.rmtree(cache)
                    shutil.copytree(before, cache)
                compile_(program, state)
            if state == "first":
                shutil.rmtree(before, ignore_errors=True)
                shutil.copytree(cache, before)
    for folder in (warmed, before):
        shutil.rmtree(folder, ignore_errors=True)
    return results


def report(results, arguments):
    rows = []
    for program, by_state in results.items():
        for state, entries in by_state.items():
            def median(key):
                return common.median([entry[key] for entry in entries])

            def ratio(key):
                if "wasmtime_" + key not in entries[0]:
                    return ""
                return f" ({common.median([entry[key] / entry['wasmtime_' + key] for entry in entries]):.2f}x)"

            whole = entries[0]["cached"]
            rows.append([f"{program.rpartition('/')[2]} {state}",
                         "artifact" if whole else f"{100 * median('hits') / median('functions'):.1f} %",
                         "" if whole else f"{100 * median('hit_bytes') / median('bytes'):.1f} %",
                         f"{median('wall_s'):.2f}{ratio('wall_s')}", f"{median('cpu_s'):.2f}{ratio('cpu_s')}"])
    print(f"medians of {arguments.runs} runs; in brackets the ratio to wasmtime without a cache")
    common.print_table(rows, ["", "functions", "bytes", "wall s", "CPU s"])


def main(workspace, arguments):
    results = measure(workspace, arguments)
    report(results, arguments)
    common.write_json(arguments.json, "cache", workspace, {"runs": arguments.runs}, results)
