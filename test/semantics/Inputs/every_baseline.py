#!/usr/bin/env python3
"""Every instruction on every CPU baseline of both targets and on both tiers computes what wasmtime computes.

  every_baseline.py OPCODES.def

Makes a module in which each numeric instruction is applied to all combinations of interesting operands, and each other one
is used, and which writes a hash of each one's results to stdout. An instruction in OPCODES.def that the module does not use
is an error. Results of a baseline that this machine has not got are not looked at; its code is made all the same.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

BIN = os.path.join(os.environ["AOTC_BUILD"], "bin")
OPERANDS = {  # per type: operands, as bits
    "i32": [0, 1, 2, 7, 31, 32, 33, 0x7f, 0x80, 0xff, 0x8000, 0x12345678, 0x7fffffff, 0x80000000, 0x80000001, 0xdeadbeef, 0xffffff80, 0xffffffff],
    "i64": [0, 1, 3, 63, 64, 65, 0x80, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x123456789abcdef0, 0x7fffffffffffffff,
            0x8000000000000000, 0x8000000000000001, 0xdeadbeefcafebabe, 0xffffffff80000000, 0xffffffffffffffff],
}
NUMBERS = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 3.5, 4.0, 99.99, 255.5, 4194303.5, 4194304.5, 8388607.5, 8388608.0, 8388609.0, 16777217.0,
           2147483647.0, 2147483648.0, 4294967295.0, 4294967296.0, 4503599627370495.5, 4503599627370496.0, 4503599627370497.0, 9007199254740993.0,
           9223372036854775807.0, 18446744073709551615.0, 1e30, 1e-30, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]
SMALL = [0.0, 0.25, 0.5, 0.99, 1.0, 1.5, 2.5, 7.99, 99.5, 126.999]  # whose truncation traps nowhere,
BELOW_ONE = 4  # nor that of these to unsigned when they are negative


def float_bits(code, integer, numbers, signalling):
    def bits(number):
        try:
            return struct.unpack(integer, struct.pack(code, number))[0]
        except OverflowError:  # of a f32
            return struct.unpack(integer, struct.pack(code, float("inf")))[0]
    sign = bits(-0.0)
    magnitudes = [bits(number) for number in numbers]
    if signalling:
        infinity = bits(float("inf"))
        magnitudes += [infinity, infinity | (infinity >> 1 & ~infinity) | 1, infinity | 1, infinity | 0x1234]
    return [sign | m for m in magnitudes] + magnitudes


OPERANDS["f32"] = float_bits("<f", "<I", NUMBERS, True)
OPERANDS["f64"] = float_bits("<d", "<Q", NUMBERS, True)
SMALL_OPERANDS = {"f32": float_bits("<f", "<I", SMALL, False), "f64": float_bits("<d", "<Q", SMALL, False)}
SIZE = {"i32": 4, "i64": 8, "f32": 4, "f64": 8}
EXACT = ("abs", "neg", "copysign", "reinterpret")  # say what happens to the bits of a NaN


def signature(op):
    """Operand types and result type of a numeric instruction, or None."""
    match = re.fullmatch(r"([if](?:32|64))\.(\w+)", op)
    if not match or re.search(r"\.(const|load|store)", op):
        return None
    type, name = match.groups()
    if source := re.search(r"_([if](?:32|64))(_[su])?$", name):
        return [source.group(1)], type
    if name == "eqz":
        return [type], "i32"
    if re.fullmatch(r"(eq|ne|lt|gt|le|ge)(_[su])?", name):
        return [type, type], "i32"
    unary = {"clz", "ctz", "popcnt", "abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"}
    return [type] * (1 if name in unary or name.startswith("extend") else 2), type


class Generator:
    def __init__(self):
        self.functions, self.names, self.data, self.at, self.places = [], [], [], 4096, {}

    def place(self, values, type):
        """Address of a list of operands."""
        key = (type, tuple(values))
        if key not in self.places:
            code = "<" + {4: "I", 8: "Q"}[SIZE[type]] * len(values)
            text = "".join(f"\\{byte:02x}" for byte in struct.pack(code, *values))
            self.data.append(f'(data (i32.const {self.at}) "{text}")')
            self.places[key] = self.at
            self.at += SIZE[type] * len(values)
        return self.places[key]

    def add(self, name, locals, body):
        """A function whose body adds what it finds to local $h."""
        self.functions.append(f"(func $t{len(self.names)} (result i64) (local $h i64) (local $i i32) (local $j i32) {locals} {body} (local.get $h))")
        self.names.append(name)

    @staticmethod
    def mix(value):
        return f"(local.set $h (i64.add (i64.mul (i64.rotl (local.get $h) (i64.const 5)) (i64.const 0x9e3779b97f4a7c15)) {value}))"

    def numeric(self, op, operands, result):
        lists = [OPERANDS[type] for type in operands]
        if re.search(r"\.trunc_f", op):
            negative, positive = SMALL_OPERANDS[operands[0]][:len(SMALL)], SMALL_OPERANDS[operands[0]][len(SMALL):]
            lists = [positive + (negative[:BELOW_ONE] if op.endswith("_u") else negative)]
        places = [self.place(values, type) for values, type in zip(lists, operands)]
        loads = " ".join(f"(local.set ${name} ({type}.load (i32.add (i32.const {place}) (i32.mul (local.get ${index}) (i32.const {SIZE[type]})))))"
                         for name, index, type, place in zip("ab", "ij", operands, places))
        value = f"({op} {' '.join('(local.get $%s)' % name for name in 'ab'[:len(operands)])})"
        bits = {"i32": "(i64.extend_i32_u (local.get $r))", "i64": "(local.get $r)", "f32": "(i64.extend_i32_u (i32.reinterpret_f32 (local.get $r)))",
                "f64": "(i64.reinterpret_f64 (local.get $r))"}[result]
        if result[0] == "f" and not any(word in op for word in EXACT):
            quiet = f"(i64.and {bits} (i64.const {1 << (22 if result == 'f32' else 51)}))"  # of a NaN the rest is not specified
            bits = f"(select {bits} {quiet} ({result}.eq (local.get $r) (local.get $r)))"
        compute = f"(local.set $r {value}) {self.mix(bits)}"
        if re.search(r"\.(div|rem)_", op):
            type = operands[0]
            zero = f"({type}.eqz (local.get $b))"
            least = hex(1 << (SIZE[type] * 8 - 1))
            overflow = f"(i32.and ({type}.eq (local.get $a) ({type}.const {least})) ({type}.eq (local.get $b) ({type}.const -1)))"
            compute = f"(if (i32.eqz (i32.or {zero} {overflow if op.endswith('div_s') else '(i32.const 0)'})) (then {compute}))"
        body = f"{loads} {compute}"
        for index, values in reversed(list(zip("ij", lists))):
            body = (f"(local.set ${index} (i32.const 0)) (loop $next_{index} {body} (local.set ${index} (i32.add (local.get ${index}) (i32.const 1)))"
                    f" (br_if $next_{index} (i32.lt_u (local.get ${index}) (i32.const {len(values)}))))")
        self.add(op, " ".join(f"(local ${name} {type})" for name, type in zip("ab", operands)) + f" (local $r {result})", body)

    def memory(self, op):
        type, name = op.split(".")
        place = self.place(OPERANDS["i64"], "i64")
        address = f"(i32.add (local.get $i) (i32.const {place}))"
        widen = {"i32": "(i64.extend_i32_u {})", "i64": "{}", "f32": "(i64.extend_i32_u (i32.reinterpret_f32 {}))", "f64": "(i64.reinterpret_f64 {})"}[type]
        if name.startswith("load"):
            compute = self.mix(widen.format(f"({op} offset=3 {address})"))
        else:
            value = f"({type}.load offset=1 {address})"
            compute = f"(i64.store (i32.const 64) (i64.const -2)) ({op} offset=1 (i32.const 64) {value}) {self.mix('(i64.load (i32.const 64))')}"
        self.add(op, "", f"(loop $next {compute} (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $next (i32.lt_u (local.get $i) (i32.const 100))))")

    def others(self):
        wide = lambda value: self.mix(f"(i64.extend_i32_u {value})")
        self.add("control", "", "(nop)" + wide("(block (result i32) (br 0 (i32.const 4)) (unreachable))") +
                 "(loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))" +
                 wide("(block $a (result i32) (block $b (result i32) (br_table $a $b $a (local.get $i) (local.get $i))) (i32.add (i32.const 100)))") +
                 "(br_if $l (i32.lt_u (local.get $i) (i32.const 5))))" +
                 wide("(if (result i32) (local.get $i) (then (i32.const 1)) (else (i32.const 2)))") + wide("(select (i32.const 3) (i32.const 4) (local.get $j))") +
                 wide("(select (result i32) (i32.const 3) (i32.const 4) (local.get $i))") + "(drop (i32.const 1)) (if (local.get $j) (then (return (i64.const 7))))")
        self.add("variables", "", "(global.set $g (i64.add (global.get $g) (i64.const 9)))" + self.mix("(global.get $g)") + wide("(local.tee $i (i32.const 3))") +
                 "(drop (f32.const 1.5)) (drop (f64.const 2.5))")
        self.add("calls", "", self.mix("(call $twice (i64.const 21))") + self.mix("(call_indirect $functions (type $one) (i64.const 8) (i32.const 1))"))
        self.add("tables", "", wide("(table.size $refs)") + wide("(table.grow $refs (ref.null func) (i32.const 3))") +
                 "(table.set $refs (i32.const 1) (ref.func $twice))" + wide("(ref.is_null (table.get $refs (i32.const 1)))") +
                 "(table.fill $refs (i32.const 2) (ref.func $twice) (i32.const 2)) (table.copy $refs $refs (i32.const 4) (i32.const 2) (i32.const 1))" +
                 "(table.init $refs $passive (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $passive)" +
                 "(loop $l" + wide("(ref.is_null (table.get $refs (local.get $i)))") +
                 "(local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (table.size $refs))))" +
                 self.mix("(call_indirect $refs (type $one) (i64.const 6) (i32.const 4))"))
        self.add("bulk memory", "", wide("(memory.size)") + wide("(memory.grow (i32.const 1))") + wide("(memory.size)") +
                 "(memory.fill (i32.const 64) (i32.const 0xab) (i32.const 9)) (memory.copy (i32.const 67) (i32.const 65) (i32.const 4))" +
                 "(memory.init $text (i32.const 69) (i32.const 1) (i32.const 3)) (data.drop $text)" + self.mix("(i64.load (i32.const 64))") + self.mix("(i64.load (i32.const 67))"))

    def module(self):
        results = 1024
        calls = " ".join(f"(i64.store (i32.const {results + 8 * i}) (call $t{i}))" for i in range(len(self.names)))
        return f"""(module
(type $one (func (param i64) (result i64)))
(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
(memory (export "memory") 1)
(table $functions 2 funcref) (elem (table $functions) (i32.const 0) func $twice $thrice)
(table $refs 6 funcref) (elem $passive func $thrice)
(global $g (mut i64) (i64.const 5))
(data $text "text")
{chr(10).join(self.data)}
(func $twice (type $one) (i64.mul (local.get 0) (i64.const 2)))
(func $thrice (type $one) (i64.mul (local.get 0) (i64.const 3)))
{chr(10).join(self.functions)}
(func (export "_start") {calls}
  (i32.store (i32.const 16) (i32.const {results})) (i32.store (i32.const 20) (i32.const {8 * len(self.names)}))
  (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))"""


def generate(opcodes):
    generator = Generator()
    for op in opcodes:
        if sides := signature(op):
            generator.numeric(op, *sides)
        elif re.search(r"^[if]\d\d\.(load|store)", op):
            generator.memory(op)
    generator.others()
    text = generator.module()
    if missing := {op for op in opcodes if not re.search(r"\(" + re.escape(op) + r"[\s)]", text)} - {"end"}:
        sys.exit(f"no test for {sorted(missing)}")
    return text, generator.names


def wasmtime_output(wasm, folder):
    import wasmtime
    store = wasmtime.Store()
    wasi, out = wasmtime.WasiConfig(), os.path.join(folder, "expected")
    wasi.stdout_file = out
    store.set_wasi(wasi)
    linker = wasmtime.Linker(store.engine)
    linker.define_wasi()
    linker.instantiate(store, wasmtime.Module.from_file(store.engine, wasm)).exports(store)["_start"](store)
    with open(out, "rb") as file:
        return file.read()


def baselines():
    text = subprocess.run([os.path.join(BIN, "aotc"), "compile", "--help"], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^\s+(x86_64|aarch64): ((?:[\w.+-]+, )*[\w.+-]+)$", text, re.MULTILINE)
    return [(target, cpu) for target, cpus in found for cpu in cpus.split(", ")]


def main():
    with open(sys.argv[1]) as file:
        opcodes = re.findall(r'^AOTC_OP\(\w+, \w+, "([^"]+)"\)', file.read(), re.MULTILINE)
    text, names = generate(opcodes)
    runners = {"x86_64": [os.path.join(BIN, "aotc-exec")], "aarch64": [shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static"), os.path.join(BIN, "aotc-exec-aarch64")]}
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        wasm, artifact = os.path.join(folder, "every.wasm"), os.path.join(folder, "every.aotc")
        with open(wasm[:-2] + "t", "w") as file:
            file.write(text)
        subprocess.run(["wat2wasm", file.name, "-o", wasm], check=True)
        expected = wasmtime_output(wasm, folder)
        assert len(expected) == 8 * len(names)
        for target, cpu in baselines():
            for tier in ("quick", "best"):
                subprocess.run([os.path.join(BIN, "aotc"), "compile", wasm, "--snapshot", "off", "--target", target, "--cpu", cpu, "--tier", tier, "-o", artifact],
                               check=True, stdout=subprocess.DEVNULL)
                done = subprocess.run([*runners[target], artifact], capture_output=True)
                if done.returncode and b"this machine lacks" in done.stderr:
                    print(f"{cpu} {tier}: compiled, cannot run here")
                    continue
                results = done.stdout
                differing = [name for i, name in enumerate(names) if results[8 * i:8 * i + 8] != expected[8 * i:8 * i + 8]]
                wrong += len(differing) + bool(done.returncode)
                print(f"{cpu} {tier}: {len(names) - len(differing)} right", *differing, done.stderr.decode(errors="replace").strip(), flush=True)
    sys.exit(1 if wrong else 0)


main()
