# How lit runs the tests. Run a part of them with:  build/venv/bin/lit -v build/test --filter=wasi
#
# Substitutions
#   %aotc %aotc-exec %aotc-node the programs just built
#   %qemu-aarch64               prefix that runs an AArch64 program
#   %wat2wasm                   text to binary, with the proposals that aotc accepts switched on
#   %check-wat FILE.wat         runs the ASSERT lines of a .wat on both targets and tiers, see test/check-wat
#   %spec-run FILE.wast...      runs scripts of the specification's kind, see test/spec/run
#   %spec-tests                 where the specification's test suite is: AOTC_SPEC_TESTS or spec-tests in the build directory, a clone of
#                               github.com/WebAssembly/testsuite that somebody put there
#   %go-build VERSION [-s] SOURCE... OUT.wasm
#                               a Go program for wasip1; -s strips it; results are kept in the build directory
#   %go-std PACKAGE             a standard library test compared with a peer, see test/go-std/run
#   %node-app SOURCE.go OUT     a Go server compiled with its snapshot, see test/node-app
#   %crane %oras %cosign        clients of container registries
#   %helm %traefik              what packaging/ is for
#   %conformance                the suite that a registry has to pass
#   %h2spec                     the one for servers of HTTP/2
#   %python                     Python with the wheels of tools/setup.sh and the modules of Inputs/harness
#   %bin                        where the programs are
#   %inputs                     test/Inputs
# Features for REQUIRES: go-1.21 go-1.24 go-1.26 go-1.27 (toolchain present), qemu (AArch64 programs can be run), aarch64-machine (a
# whole machine can be emulated: build/arm64-root is there), gdb,
# gdb-aarch64 (a gdb that knows AArch64, and qemu), perf (it is installed and the kernel lets it sample), crane, oras,
# cosign, conformance, h2spec, helm, traefik, docker-registry, nginx, haproxy, skopeo, strace, wasm-opt, wrk, spec-tests (the suite is there), namespaces (a network of a test's own can be made), mknod
# (devices can be made and used), trace (tests may look into and advise on the memory of other users' processes); the machine (x86_64).
import os
import shutil
import stat
import subprocess

import lit.formats

config.name = "aotc"
config.test_format = lit.formats.ShTest(execute_external=True)
config.suffixes = [".wat", ".go", ".test"]
config.excludes = ["Inputs", "cache"]
config.test_source_root = config.source_dir
config.test_exec_root = os.path.join(config.binary_dir, "out")

# A build with sanitizers has these two folders and no programs; seeds for fuzzing are made by those of the build around it.
bin_dir = os.path.join(config.build_dir, ".." if config.sanitized else "", "bin")
if config.sanitized:
    config.name = "aotc with sanitizers"
    config.excludes += set(os.listdir(config.source_dir)) - {"unit", "fuzz"}
if not config.unit_tests:
    config.excludes += ["fuzz"]
config.environment["PATH"] = os.pathsep.join([config.llvm_bin, os.environ.get("PATH", "")])
for name in ("HOME", "TMPDIR", "PIP_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT", "GOPROXY", "GOFLAGS", "GOSUMDB"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
# What a test compiles is compiled, but where a lit.local.cfg says otherwise; tests of the cache have their own.
config.environment["AOTC_CACHE"] = "off"
config.environment["AOTC_BUILD"] = config.build_dir
config.environment["AOTC_BIN"] = bin_dir
config.environment["PYTHONPATH"] = f"{config.source_dir}/Inputs/harness"
lit_config.maxIndividualTestTime = 600

toolchains = {"1.21": "1.21.13", "1.24": "1.24.11", "1.26": "1.26.6", "1.27": "1.27.3"}
for short, full in toolchains.items():
    if os.path.exists(f"{config.build_dir}/toolchains/go-{full}/go/bin/go"):
        config.available_features.add(f"go-{short}")

qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
if qemu and os.path.exists(f"{bin_dir}/aotc-exec-aarch64"):
    config.available_features.add("qemu")
    if shutil.which("qemu-system-aarch64") and shutil.which("cpio") and os.path.exists(f"{config.build_dir}/arm64-root/complete"):
        config.available_features.add("aarch64-machine")
clients = {name: f"{config.build_dir}/go-tools/{name}" for name in ("crane", "oras", "cosign", "conformance", "h2spec", "helm")}
clients["traefik"] = f"{config.build_dir}/traefik/bin/traefik"
config.available_features.update(name for name, path in clients.items() if os.path.exists(path))
config.available_features.update(name for name in ("docker-registry", "haproxy", "nginx", "skopeo", "strace", "wasm-opt", "wrk") if shutil.which(name))
if shutil.which("redis-server") and shutil.which("redis-cli"):
    config.available_features.add("redis")
config.available_features.add(os.uname().machine)
if subprocess.run(["unshare", "-rnm", "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0:
    config.available_features.add("namespaces")
else:
    lit_config.note("namespaces cannot be made here, so the tests that need a network of their own are skipped")
device = os.path.join(config.binary_dir, f"device-{os.getpid()}")
try:
    os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    open(device, "w").close()
    config.available_features.add("mknod")
except OSError:
    pass
if os.path.lexists(device):
    os.unlink(device)
if shutil.which("gdb"):
    config.available_features.add("gdb")
if shutil.which("gdb-multiarch") and "qemu" in config.available_features:
    config.available_features.add("gdb-aarch64")
if not shutil.which("perf"):
    lit_config.note("perf is not installed: runtime/perf.test is skipped")
elif (probe := subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", os.devnull, "true"], capture_output=True)).returncode:
    lit_config.note(f"perf cannot sample here, so runtime/perf.test is skipped: {probe.stderr.decode(errors='replace').strip()}")
else:
    config.available_features.add("perf")

with open("/proc/self/status") as file:
    capabilities = int(next(line.split()[1] for line in file if line.startswith("CapEff:")), 16)
if capabilities >> 19 & capabilities >> 23 & 1:  # CAP_SYS_PTRACE, CAP_SYS_NICE
    config.available_features.add("trace")

spec_tests = os.environ.get("AOTC_SPEC_TESTS", f"{config.build_dir}/spec-tests")
if os.path.exists(f"{spec_tests}/float_exprs.wast"):
    config.available_features.add("spec-tests")

# The environment's Python has the wheels that some tests import.
python = f"{config.build_dir}/venv/bin/python"
if not os.path.exists(python):
    python = config.python

config.substitutions += [
    (r"%python\b", python),
    (r"%aotc-node\b", f"{bin_dir}/aotc-node"),
    *((rf"%{name}\b", path) for name, path in clients.items()),
    (r"%aotc-exec\b", f"{bin_dir}/aotc-exec"),
    (r"%aotc\b", f"{bin_dir}/aotc"),
    (r"%qemu-aarch64\b", qemu or "qemu-aarch64"),
    (r"%wat2wasm\b", "wat2wasm"),
    (r"%check-wat\b", f"{python} {config.source_dir}/check-wat"),
    (r"%spec-run\b", f"{python} {config.source_dir}/spec/run"),
    (r"%spec-tests\b", spec_tests),
    (r"%go-build\b", f"{config.source_dir}/go-build"),
    (r"%go-std\b", f"{python} {config.source_dir}/go-std/run"),
    (r"%node-app\b", f"{config.source_dir}/node-app"),
    (r"%bin\b", bin_dir),
    (r"%inputs\b", f"{config.source_dir}/Inputs"),
]
