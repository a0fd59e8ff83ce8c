"""benchmarks/run speed: how fast compiled Go code runs.

Every run takes each kernel in turn and starts it once on every engine, in an order that rotates, so that a slow second of
the machine hits all engines alike. Each process runs its kernel twice and reports the second time (programs/kernels).
Code is compiled beforehand; V8 compiles each function with TurboFan when it is first called, in the first of the two.
"""
import common


def commands(workspace, engines, kernels_wasm):
    found = {}
    if "native" in engines:
        found["native"] = [workspace.go_build("kernels", wasm=False)]
    if "aotc" in engines:
        artifact = workspace.path("kernels.aotc")
        common.run([workspace.aotc(), "compile", kernels_wasm, "--snapshot", "off", "-o", artifact])
        found["aotc"] = [workspace.aotc(), "run", artifact, "--"]
    if "quick" in engines:
        artifact = workspace.path("kernels.quick.aotc")
        common.run([workspace.aotc(), "compile", kernels_wasm, "--snapshot", "off", "--tier", "quick", "-o", artifact])
        found["quick"] = [workspace.aotc(), "run", artifact, "--"]
    if "wasmtime" in engines:
        artifact = workspace.path("kernels.cwasm")
        common.run([*workspace.wasmtime("compile"), kernels_wasm, artifact])
        found["wasmtime"] = [*workspace.wasmtime("run"), artifact, "--"]
    if "v8" in engines:
        found["v8"] = [*workspace.v8(), kernels_wasm]
    if "wazero" in engines:
        found["wazero"] = [*workspace.wazero(), kernels_wasm]
        common.run([*found["wazero"], "regexp"])  # fills its cache
    return found


def measure(workspace, arguments):
    common.say("building the kernels")
    kernels_wasm = workspace.go_build("kernels", wasm=True)
    engines = commands(workspace, arguments.engines, kernels_wasm)
    names = arguments.names or ["fib", "nbody", "trees", "sieve", "matmul", "channel", "map", "json", "regexp", "template", "gzip", "sha256", "sort"]

    times = {name: {engine: [] for engine in engines} for name in names}
    checksums = {}
    order = list(engines)
    for number in range(arguments.runs):
        common.say(f"run {number + 1} of {arguments.runs}")
        for name in names:
            for engine in order:
                output, _ = common.run([*engines[engine], name])
                fields = output.split()
                if len(fields) != 3 or fields[0] != name:
                    common.fail(f"{engine} printed for {name}: {output!r}")
                if checksums.setdefault(name, fields[2]) != fields[2]:
                    common.fail(f"WRONG RESULT: {engine} computed {fields[2]} for {name}, others {checksums[name]}")
                times[name][engine].append(float(fields[1]))
            order = order[1:] + order[:1]
    return times


def report(times, arguments):
    engines = list(next(iter(times.values())))
    rows, medians = [], {}
    for name, by_engine in times.items():
        medians[name] = {engine: common.median(values) for engine, values in by_engine.items()}
        rows.append([name] + [f"{medians[name][engine]:.1f} ({min(by_engine[engine]):.1f})" for engine in engines])
    summary = {}
    for base, direction in (("wasmtime", "speed"), ("native", "time")):
        if base not in engines:
            continue
        summary[base] = {}
        for engine in engines:
            ratio = common.geometric_mean([m[engine] / m[base] for m in medians.values()])
            summary[base][engine] = 1 / ratio if direction == "speed" else ratio
        rows.append([f"{direction} / {base}'s"] + [f"{summary[base][engine]:.2f}x" for engine in engines])
    print(f"milliseconds: median (minimum) of {arguments.runs} interleaved runs; ratios are geometric means of medians")
    common.print_table(rows, ["kernel"] + engines)
    return {"times_ms": times, "median_ms": medians, "ratios": summary}


def main(workspace, arguments):
    results = report(measure(workspace, arguments), arguments)
    common.write_json(arguments.json, "speed", workspace, {"runs": arguments.runs}, results)
