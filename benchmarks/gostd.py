"""benchmarks/run gostd: Go's own benchmarks of its library, beside native Go.

A package's `go test -c` is built natively and for wasm; each of its benchmarks is then run on every engine in turn, in an order
that rotates, in a process of its own in the package's source directory. Everything has one thread. What cannot run on every
engine (no such system call, a test program to start) is left out and listed.
"""
import math
import os
import re
import subprocess

import common

PACKAGES = """archive/zip bufio bytes compress/flate container/heap crypto/aes crypto/cipher crypto/sha256 crypto/ecdsa encoding/base64 encoding/json fmt
    go/parser hash/crc32 hash/maphash html/template image/png math/big net/netip regexp sort strconv strings sync text/template unicode/utf8""".split()
RESULT = re.compile(r"^(Benchmark\S+)\s+\d+\s+([0-9.e+]+) ns/op", re.MULTILINE)
WORST = 40
LONGEST = 120  # seconds for one benchmark on one engine
# Less than this is the loop around what is measured: two of them compare as equal.
LEAST_NANOSECONDS = 0.5


class Package:
    def __init__(self, workspace, name, arguments):
        self.workspace, self.name, self.arguments = workspace, name, arguments
        go_env = dict(os.environ, GOTOOLCHAIN="local", CGO_ENABLED="0", GOAMD64="v1")
        go_env.pop("GOROOT", None)
        self.goroot = common.run([workspace.go, "env", "GOROOT"], env=go_env)[0].strip()
        self.source = os.path.join(self.goroot, "src", name)
        self.native = self.path("native")
        self.wasm = self.path("wasm")
        common.run([workspace.go, "test", "-c", "-o", self.native, name], env=go_env)
        common.run([workspace.go, "test", "-c", "-o", self.wasm, name], env=dict(go_env, GOOS="wasip1", GOARCH="wasm"))
        self.commands = {engine: self.command(engine) for engine in arguments.engines}

    def path(self, suffix):
        os.makedirs(self.workspace.path("gostd"), exist_ok=True)
        return self.workspace.path("gostd", self.name.replace("/", "_") + "." + suffix)

    def command(self, engine):
        if engine == "native":
            return [self.native]
        environment = [word for name in ("PWD", "GOROOT") for word in ("--env", f"{name}={self.environment()[name]}")]
        if engine == "wasmtime":
            artifact = self.path("cwasm")
            common.run([*self.workspace.wasmtime("compile"), self.wasm, artifact])
            return [*self.workspace.wasmtime("run"), artifact, "--dir", "/::/", *environment, "--"]
        artifact = self.path(f"{engine}.aotc")
        tier = {"aotc": "best", "quick": "quick"}[engine]
        cache = self.workspace.path("gostd", "cache")  # what was compiled before is compiled to the same bytes again
        cpu = ["--cpu", self.arguments.cpu] if self.arguments.cpu else []
        common.run([self.workspace.aotc(), "compile", self.wasm, "--snapshot", "off", "--tier", tier, "--cache", cache, *cpu, "-o", artifact])
        return [self.workspace.aotc(), "run", artifact, "--dir", "/::/", *environment, "--"]

    def environment(self):
        return {"PWD": self.source, "GOROOT": self.goroot, "HOME": self.workspace.folder, "PATH": "/usr/bin:/bin", "GOMAXPROCS": "1"}

    def benchmarks(self):
        listed = subprocess.run([*self.commands[self.arguments.engines[0]], "-test.list=^Benchmark"], cwd=self.source, env=self.environment(), capture_output=True, text=True)
        return [line for line in listed.stdout.split() if line.startswith("Benchmark")]

    def measure(self, engine, benchmark):
        """Subbenchmark -> ns/op, or why there is none."""
        flags = ["-test.run=^$", f"-test.bench=^{benchmark}$", f"-test.benchtime={self.arguments.benchtime}", "-test.cpu=1"]
        try:
            done = subprocess.run([*self.commands[engine], *flags], cwd=self.source, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return f"more than {LONGEST} s"
        if done.returncode != 0:
            return ((done.stdout + done.stderr).strip().split("\n") or [""])[-1][:100]
        return {name: float(time) for name, time in RESULT.findall(done.stdout)}


def measure(workspace, arguments):
    times, left_out = {}, {}
    for name in arguments.names or PACKAGES:
        common.say(f"{name}: building")
        package = Package(workspace, name, arguments)
        order = list(arguments.engines)
        benchmarks = [each for each in package.benchmarks() if re.search(arguments.bench, each)]
        by_engine = {engine: {} for engine in order}  # engine -> subbenchmark -> times
        for number in range(arguments.runs):
            common.say(f"{name}: {len(benchmarks)} benchmarks, run {number + 1} of {arguments.runs}")
            for benchmark in benchmarks:
                for engine in order:
                    found = package.measure(engine, benchmark)
                    if isinstance(found, str):
                        left_out.setdefault(f"{name} {benchmark}", f"{engine}: {found}")
                        continue
                    for each, time in found.items():
                        by_engine[engine].setdefault(each, []).append(max(time, LEAST_NANOSECONDS))
                order = order[1:] + order[:1]
        common_to_all = [each for each in by_engine[order[0]] if all(each in found for found in by_engine.values())]
        times[name] = {each: {engine: common.median(by_engine[engine][each]) for engine in arguments.engines} for each in common_to_all}
    return times, left_out


def ratio_cell(times, engine, base):
    ratios = [each[engine] / each[base] for each in times]
    return f"{common.geometric_mean(ratios):.2f}x" if ratios else "-"


def report(times, left_out, arguments):
    others = [engine for engine in arguments.engines if engine != "native"]
    every = {f"{name} {each}": by_engine for name, found in times.items() for each, by_engine in found.items()}
    rows = [[name, len(found)] + [ratio_cell(found.values(), engine, "native") for engine in others] for name, found in times.items()]
    rows.append(["each benchmark", len(every)] + [ratio_cell(every.values(), engine, "native") for engine in others])
    packages = [found for found in times.values() if found]
    summary = {}
    for engine in others:
        means = [common.geometric_mean([each[engine] / each["native"] for each in found.values()]) for found in packages]
        summary[engine] = common.geometric_mean(means) if means else math.nan
    rows.append(["each package", ""] + [f"{summary[engine]:.2f}x" for engine in others])
    print(f"time as a multiple of native Go's: geometric means over benchmarks, median of {arguments.runs} interleaved runs of {arguments.benchtime}")
    common.print_table(rows, ["package", "benchmarks"] + others)
    ours = others[0]
    worst = sorted(every, key=lambda each: every[each][ours] / every[each]["native"], reverse=True)[:WORST]
    print(f"\nfurthest behind native Go: nanoseconds, {ours} as a multiple")
    common.print_table([[each, *(f"{every[each][engine]:.1f}" for engine in arguments.engines), ratio_cell([every[each]], ours, "native")] for each in worst],
                       ["benchmark", *arguments.engines, ""])
    slower = []
    if "wasmtime" in others and ours != "wasmtime":
        slower = sorted((each for each in every if every[each][ours] > every[each]["wasmtime"]), key=lambda each: every[each][ours] / every[each]["wasmtime"], reverse=True)
        print(f"\nslower than on wasmtime: {len(slower)}")
        common.print_table([[each, ratio_cell([every[each]], ours, "wasmtime")] for each in slower[:WORST]], ["benchmark", ours])
    if left_out:
        print(f"\nleft out: {len(left_out)}")
        common.print_table([[each, why] for each, why in left_out.items()], ["benchmark", "why"])
    return {"times_ns": times, "ratio_per_package": summary, "slower_than_wasmtime": slower, "left_out": left_out}


def main(workspace, arguments):
    if "native" not in arguments.engines or len(arguments.engines) < 2:
        common.fail("gostd compares with native Go: --engines native,…")
    results = report(*measure(workspace, arguments), arguments)
    options = {"runs": arguments.runs, "benchtime": arguments.benchtime, "bench": arguments.bench, "cpu": arguments.cpu}
    common.write_json(arguments.json, "gostd", workspace, options, results)
