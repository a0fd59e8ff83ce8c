"""What the figures share: where things lie, building the Go programs and the peers, and running a process with its costs."""
import json
import os
import platform
import shutil
import statistics
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WAZERO_VERSION = "v1.12.0"
WASMTIME_VERSION = "50.0.1"
# What is measured is compiling, not what was compiled before.
os.environ["AOTC_CACHE"] = "off"
V8_FLAGS = ["--no-warnings", "--no-liftoff", "--no-wasm-tier-up", "--wasm-lazy-compilation"]


def start_node(workspace, *options):
    """An aotc-node that is ready, and its port; its log goes nowhere."""
    command = [os.path.join(workspace.build, "bin", "aotc-node"), "serve", "--listen", "127.0.0.1:0", *options]
    node = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    port = None
    for line in node.stderr:
        message = json.loads(line)["message"]
        port = int(message.rsplit(":", 1)[1]) if "listening" in message else port
        if message == "ready":
            threading.Thread(target=lambda: [None for _ in node.stderr], daemon=True).start()
            return node, port
    fail("aotc-node ended")


def fail(message):
    sys.exit(f"benchmarks: {message}")


def say(message):
    print(message, file=sys.stderr, flush=True)


class Costs:
    """Wall and CPU seconds and peak resident bytes of one process and the children it waited for."""

    def __init__(self, wall, usage):
        self.wall = wall
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss * 1024


def run(command, env=None, cwd=None):
    """Runs to the end; returns (standard output, Costs). Anything but exit code 0 ends the benchmark."""
    read_end, write_end = os.pipe()
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=write_end, env=env, cwd=cwd)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        output = pipe.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        fail(f"{' '.join(command)}: exit code {process.returncode}\n{output}")
    return output, Costs(wall, usage)


class Workspace:
    """The build directory's benchmark folder with everything the figures need, made on first use."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.folder = os.path.join(self.build, "benchmarks")
        os.makedirs(self.folder, exist_ok=True)
        self.go = shutil.which("go") or fail("no go on PATH (tools/check puts one under build/toolchains)")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def aotc(self):
        program = os.path.join(self.build, "bin", "aotc")
        return program if os.path.exists(program) else fail(f"{program} is missing; build aotc first")

    def go_build(self, program, wasm):
        """Builds benchmarks/programs/<program>, or what its generate.py prints; returns the executable or module."""
        folder = os.path.join(HERE, "programs")
        generator = os.path.join(folder, program, "generate.py")
        if os.path.exists(generator):
            folder = self.path("generated")
            os.makedirs(os.path.join(folder, program), exist_ok=True)
            shutil.copy(os.path.join(HERE, "programs", "go.mod"), folder)
            with open(os.path.join(folder, program, "main.go"), "w") as file:
                file.write(run([sys.executable, generator])[0])
        output = self.path(program + (".wasm" if wasm else ".native"))
        env = dict(os.environ, GOTOOLCHAIN="local", CGO_ENABLED="0", GOAMD64="v1")
        env.pop("GOROOT", None)
        if wasm:
            env.update(GOOS="wasip1", GOARCH="wasm")
        run([self.go, "build", "-o", output, "./" + program], env=env, cwd=folder)
        return output

    def python(self):
        """A Python with the wasmtime wheel."""
        python = os.path.join(self.build, "venv", "bin", "python")
        if not os.path.exists(python):
            run([sys.executable, "-m", "venv", os.path.join(self.build, "venv")])
        if subprocess.run([python, "-c", "import wasmtime"], stderr=subprocess.DEVNULL).returncode != 0:
            say(f"installing wasmtime {WASMTIME_VERSION}")
            run([python, "-m", "pip", "install", "--quiet", f"wasmtime=={WASMTIME_VERSION}"])
        return python

    def libwasmtime(self):
        """The library inside the wheel."""
        command = [self.python(), "-c", "import os, wasmtime; print(os.path.dirname(wasmtime.__file__))"]
        folder = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        return os.path.join(folder, f"linux-{platform.machine()}", "_libwasmtime.so")

    def wasmtime(self, command):
        return [self.python(), os.path.join(HERE, "engines", "wasmtime_engine.py"), command]

    def wazero(self):
        """The command that runs a module in wazero, up to the module's name."""
        folder, program = self.path("wazero"), self.path("wazero-run")
        if not os.path.exists(program):
            say(f"building wazero {WAZERO_VERSION}")
            os.makedirs(folder, exist_ok=True)
            shutil.copy(os.path.join(HERE, "engines", "wazero", "main.go"), folder)
            env = dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="-mod=mod")
            with open(os.path.join(folder, "go.mod"), "w") as file:
                file.write(f"module engine\n\ngo 1.24\n\nrequire github.com/tetratelabs/wazero {WAZERO_VERSION}\n")
            run([self.go, "build", "-o", program, "."], env=env, cwd=folder)
        return [program, self.path("wazero-cache")]

    def v8(self):
        node = shutil.which("node") or fail("no node on PATH; leave V8 out with --engines")
        return [node, *V8_FLAGS, os.path.join(HERE, "engines", "v8.mjs")]

    def versions(self):
        def first_line(command):
            try:
                return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip()
            except OSError:
                return None

        return {
            "go": first_line([self.go, "version"]),
            "aotc": first_line([os.path.join(self.build, "bin", "aotc"), "--version"]),
            "wasmtime": first_line([self.python(), "-c", "from importlib.metadata import version; print(version('wasmtime'))"]),
            "node": first_line(["node", "--version"]),
            "wazero": WAZERO_VERSION,
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "kernel": platform.release(),
        }


def cpu_model():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def elf_section_size(path, name):
    """Bytes of the section `name` of an ELF64 file."""
    with open(path, "rb") as file:
        data = file.read()
    table, = struct.unpack_from("<Q", data, 0x28)
    entry_size, count, names_index = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * entry_size) for i in range(count)]
    names = headers[names_index][4]
    for header in headers:
        start = names + header[0]
        if data[start : data.index(b"\0", start)].decode() == name:
            return header[5]
    fail(f"{path} has no section {name}")


def wasm_body_sizes(path):
    """Bytes of each function body of a module."""
    with open(path, "rb") as file:
        data = file.read()

    def leb128(at):
        value = shift = 0
        while data[at] >= 128:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
        return value | data[at] << shift, at + 1

    at, sizes = 8, []
    while at < len(data):
        section, (size, start) = data[at], leb128(at + 1)
        at = start + size
        if section == 10:
            count, body = leb128(start)
            for _ in range(count):
                length, body = leb128(body)
                sizes.append(length)
                body += length
    return sizes


def median(values):
    return statistics.median(values)


def geometric_mean(values):
    return statistics.geometric_mean(values)


def print_table(rows, header):
    """Rows of cells; the first column is text, the others are right-aligned."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [str(row[0]).ljust(widths[0])] + [str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells))


def write_json(path, figure, workspace, options, results):
    if not path:
        return
    with open(path, "w") as file:
        json.dump({"figure": figure, "machine": workspace.versions(), "options": options, "results": results}, file, indent=2)
        file.write("\n")


def frozen_how(name, request):
    """The program and the options of `aotc compile` that "PROGRAM", "PROGRAM+warmup" (frozen after it answered `request`) and
    "PROGRAM+unrehearsed" ask for."""
    program, _, variant = name.partition("+")
    return program, {"": [], "warmup": ["--warmup-request", request], "unrehearsed": ["--no-rehearsal"]}[variant]
