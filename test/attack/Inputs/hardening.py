"""hardening.py BIN: reads from the programs what CMakeLists.txt asks compiler and linker for.

By readelf and llvm-objdump: what kind of program, what its segments and dynamic entries say, which of our functions call
what. Functions are ours if "aotc" is in their names; libraries that are linked statically are as Debian built them.
"""
import os
import re
import subprocess
import sys

STATIC = {"aotc-exec", "aotc-node"}
OF_NODES = ["aotc-broker", "aotc-courier", "aotc-exec", "aotc-node"]
PROGRAMS = ["aotc", "aotc-server", *OF_NODES, *(f"../aarch64/bin/{name}" for name in OF_NODES)]
WITH_LLVM = {"aotc", "aotc-server"}  # whose library is beside them, where it is not Debian's
BRANCH_TARGET = {"x86_64": "endbr64", "aarch64": ("bti\tc", "hint\t#34")}  # two names


def output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


class File:
    def __init__(self, path):
        headers = output("readelf", "-hldW", path)
        self.architecture = "aarch64" if "AArch64" in headers else "x86_64"
        self.type = re.search(r"Type: +(\w+)", headers)[1]
        self.segments = [(words[0], "".join(words[6:-1]))
                         for words in map(str.split, re.findall(r"(?m)^  (?:LOAD|GNU_STACK|GNU_RELRO|INTERP) .*", headers))]
        self.dynamic = dict(re.findall(r"\((\w+)\) +(.*)", headers))


class Program(File):
    def __init__(self, path):
        super().__init__(path)
        got = dict(re.findall(r"(?m)^([0-9a-f]+) .*?(\w+)(?:@\S+)? \+ 0$", output("readelf", "-rW", path)))
        self.got = {int(address, 16): name for address, name in got.items()}
        symbols = re.findall(r"FUNC +(GLOBAL|WEAK) +\w+ +\d+ (\w+)\n", output("readelf", "-sW", path))
        self.visible = {name for binding, name in symbols if binding == "GLOBAL"}
        self.read_code(path)

    def read_code(self, path):
        """first: function -> its first instruction; calls: function -> names that it calls, with @plt or without."""
        self.first, self.calls, function = {}, {}, None
        for line in output("llvm-objdump", "-d", "--no-show-raw-insn", path).splitlines():
            if header := re.match(r"[0-9a-f]+ <(.*)>:", line):
                function = header[1]
                self.calls.setdefault(function, set())
            elif function and (instruction := re.match(r" *[0-9a-f]+: *\t(.*)", line)):
                self.first.setdefault(function, instruction[1].strip())
                if target := re.search(r"\b(?:call|jmp|bl?\b).*<([^+>]+)>", instruction[1]):
                    self.calls[function].add(target[1])
                elif slot := re.search(r"\*.*\(%rip\) +# 0x([0-9a-f]+)", instruction[1]):
                    self.calls[function].add(self.got.get(int(slot[1], 16), "?"))

    def ours(self):
        return [name for name in self.calls if "aotc" in name]

    def callers(self, pattern):
        """Of ours, those that call what the pattern matches, by way of the PLT or not."""
        return [name for name in self.ours() if any(re.fullmatch(f"({pattern})(@plt)?", called) for called in self.calls[name])]


def faults_of_file(file):
    if not any(kind == "GNU_RELRO" for kind, _ in file.segments):
        yield "no RELRO"
    if "NOW" not in file.dynamic.get("FLAGS_1", "") + file.dynamic.get("FLAGS", ""):
        yield "bound lazily, so that RELRO leaves the addresses of functions writable"
    if ("GNU_STACK", "RW") not in file.segments:
        yield "an executable stack"
    if any("W" in flags and "E" in flags for _, flags in file.segments):
        yield "a segment that is writable and executable"
    if "TEXTREL" in file.dynamic or "TEXTREL" in file.dynamic.get("FLAGS", ""):
        yield "relocations of code"


def faults(name, program):
    if program.type != "DYN" or "PIE" not in program.dynamic.get("FLAGS_1", ""):
        yield "not position-independent"
    if (name in STATIC) == any(kind == "INTERP" for kind, _ in program.segments):
        yield "static" if name not in STATIC else "not static"
    yield from faults_of_file(program)
    for entry in ("RPATH", "RUNPATH"):
        if entry in program.dynamic and not (name in WITH_LLVM and program.dynamic[entry].endswith("[$ORIGIN/../lib/aotc]")):
            yield f"{entry} {program.dynamic[entry]}"
    if len(program.callers("__stack_chk_fail(_local)?")) < 10:
        yield "no stack protector"
    if not program.callers(r"__\w+_chk"):
        yield "not fortified"
    lazy = program.callers(r".*@plt")
    if lazy and program.architecture == "x86_64":
        yield f"{len(lazy)} functions that call by way of the PLT, such as {lazy[0]}"
    entries = [name for name in program.visible if "aotc" in name and name in program.first]
    unmarked = [name for name in entries if not program.first[name].startswith(BRANCH_TARGET[program.architecture])]
    if len(entries) < 20:
        yield f"only {len(entries)} functions found"
    if unmarked:
        yield f"{len(unmarked)} of {len(entries)} functions do not begin with a branch target, such as {unmarked[0]}: {program.first[unmarked[0]]}"


found = 0
for name in PROGRAMS:
    path = os.path.join(sys.argv[1], name)
    if name.startswith("../aarch64") and not os.path.exists(path):
        continue
    program = Program(path)
    for fault in faults(os.path.basename(name), program):
        found += 1
        print(f"{name}: {fault}")
    print(f"{name}: {len(program.ours())} functions, {len(program.callers('__stack_chk_fail(_local)?'))} with a guard on their stack")
library = os.path.join(sys.argv[1], "../lib/aotc/libaotc-llvm.so")
if os.path.exists(library):
    for fault in faults_of_file(File(library)):
        found += 1
        print(f"libaotc-llvm.so: {fault}")
sys.exit(found != 0)
