"""Prints a script for test/spec/run: arithmetic that looks as if it could be left out, joined, split or put in another order, and may not.

What a function has to return is computed here: doubles are Python's, floats are rounded from them after each step, which is exact for one
operation. A result that is a NaN has to be quiet, and canonical if all that went in were.
"""
import itertools
import math
import struct

BITS = {"f32": ("<f", "<I", 0x7FC00000), "f64": ("<d", "<Q", 0x7FF8000000000000)}


class Number:
    """A value of a type; `canonical` of a NaN."""

    def __init__(self, kind, value, canonical=True):
        self.kind, self.canonical = kind, canonical
        try:
            self.value = struct.unpack(BITS[kind][0], struct.pack(BITS[kind][0], value))[0]
        except OverflowError:
            self.value = math.copysign(math.inf, value)

    def with_(self, other, operation):
        good = all(n.canonical for n in (self, other) if math.isnan(n.value))
        return Number(self.kind, operation(self.value, other.value), good)

    def __add__(self, other):
        return self.with_(other, lambda x, y: x + y)

    def __sub__(self, other):
        return self.with_(other, lambda x, y: x - y)

    def __mul__(self, other):
        return self.with_(other, lambda x, y: x * y)

    def __truediv__(self, other):
        def divide(x, y):
            if y != 0:
                return x / y
            return math.nan if x == 0 or math.isnan(x) else math.copysign(math.inf, x) * math.copysign(1, y)
        return self.with_(other, divide)

    def sqrt(self):
        return Number(self.kind, math.nan if self.value < 0 else math.sqrt(self.value), self.canonical)

    def to(self, kind):
        return Number(kind, self.value, self.canonical)

    def expected(self):
        if math.isnan(self.value):
            return "nan:canonical" if self.canonical else "nan:arithmetic"
        return self.value.hex() if math.isfinite(self.value) else ("-inf" if self.value < 0 else "inf")


def inputs(kind):
    """Text of a constant -> its number. `const` is what the text format calls a NaN with a payload."""
    value = struct.Struct(BITS[kind][0])
    bits = struct.Struct(BITS[kind][1])
    smallest = value.unpack(bits.pack(1))[0]
    largest = value.unpack(bits.pack(struct.unpack(BITS[kind][1], value.pack(math.inf))[0] - 1))[0]
    third = Number(kind, 1 / 3).value
    odd = Number(kind, 16777217.25 if kind == "f32" else 9007199254740993.25).value
    numbers = [0.0, -0.0, 1.0, -1.0, 3.0, third, odd, 1e-7, smallest, -largest, largest, math.inf, -math.inf]
    found = {number.hex() if math.isfinite(number) else f"{number:f}": Number(kind, number) for number in numbers}
    quiet = BITS[kind][2]
    step = quiet & -quiet  # the payload's first bit
    found["nan"] = Number(kind, math.nan)
    for payload in (step >> 1, step | 5, 1):
        found[f"nan:{payload:#x}"] = Number(kind, math.nan, False)
    return found


# Text of what a function computes, with T for its type, U for the other, and the same as a function of Numbers.
X, Y, Z = "(local.get 0)", "(local.get 1)", "(local.get 2)"


def constant(kind, value):
    return Number(kind, value)


ONE = {f"(T.{op} {a} {b})": rule for op, a, b, rule in [
    ("add", X, "(T.const 0)", lambda x: x + constant(x.kind, 0.0)),
    ("add", X, "(T.const -0)", lambda x: x + constant(x.kind, -0.0)),
    ("add", "(T.const -0)", X, lambda x: constant(x.kind, -0.0) + x),
    ("sub", X, "(T.const 0)", lambda x: x - constant(x.kind, 0.0)),
    ("sub", X, "(T.const -0)", lambda x: x - constant(x.kind, -0.0)),
    ("sub", "(T.const 0)", X, lambda x: constant(x.kind, 0.0) - x),
    ("sub", "(T.const -0)", X, lambda x: constant(x.kind, -0.0) - x),
    ("sub", X, X, lambda x: x - x),
    ("mul", X, "(T.const 0)", lambda x: x * constant(x.kind, 0.0)),
    ("mul", X, "(T.const 1)", lambda x: x * constant(x.kind, 1.0)),
    ("mul", "(T.const -1)", X, lambda x: constant(x.kind, -1.0) * x),
    ("mul", X, "(T.const 2)", lambda x: x * constant(x.kind, 2.0)),
    ("div", X, "(T.const 1)", lambda x: x / constant(x.kind, 1.0)),
    ("div", X, "(T.const -1)", lambda x: x / constant(x.kind, -1.0)),
    ("div", X, "(T.const 3)", lambda x: x / constant(x.kind, 3.0)),
    ("div", X, "(T.const 0)", lambda x: x / constant(x.kind, 0.0)),
    ("div", "(T.const 0)", X, lambda x: constant(x.kind, 0.0) / x),
    ("div", X, X, lambda x: x / x),
    ("div", "(T.const 1)", f"(T.div (T.const 1) {X})", lambda x: constant(x.kind, 1.0) / (constant(x.kind, 1.0) / x)),
    ("mul", f"(T.sqrt {X})", f"(T.sqrt {X})", lambda x: x.sqrt() * x.sqrt()),
    ("sub", f"(T.add {X} (T.const 1))", "(T.const 1)", lambda x: (x + constant(x.kind, 1.0)) - constant(x.kind, 1.0)),
]}
TWO = {
    f"(T.sub (T.add {X} {Y}) {Y})": lambda x, y: (x + y) - y,
    f"(T.add (T.sub {X} {Y}) {Y})": lambda x, y: (x - y) + y,
    f"(T.div (T.mul {X} {Y}) {Y})": lambda x, y: (x * y) / y,
    f"(T.mul (T.div {X} {Y}) {Y})": lambda x, y: (x / y) * y,
    f"(T.div {X} (T.div {Y} {X}))": lambda x, y: x / (y / x),
    f"(T.sqrt (T.div {X} {Y}))": lambda x, y: (x / y).sqrt(),
    f"(T.mul {X} (T.add {Y} (T.const 1)))": lambda x, y: x * (y + constant(x.kind, 1.0)),
}
THREE = {
    f"(T.add (T.mul {X} {Y}) {Z})": lambda x, y, z: x * y + z,
    f"(T.sub {Z} (T.mul {X} {Y}))": lambda x, y, z: z - x * y,
    f"(T.add {X} (T.add {Y} {Z}))": lambda x, y, z: x + (y + z),
    f"(T.add (T.mul {X} {Z}) (T.mul {Y} {Z}))": lambda x, y, z: x * z + y * z,
}
OTHER = {
    "f32": {f"(f32.demote_f64 (f64.promote_f32 {X}))": lambda x: x.to("f64").to("f32"),
            f"(f32.demote_f64 (f64.mul (f64.promote_f32 {X}) (f64.const 1)))": lambda x: (x.to("f64") * constant("f64", 1.0)).to("f32")},
    "f64": {f"(f64.promote_f32 (f32.demote_f64 {X}))": lambda x: x.to("f32").to("f64")},
}


def main():
    for kind in BITS:
        # A sum over several of the inputs is for some of them: there are enough.
        numbers = inputs(kind)
        few = dict(itertools.islice(numbers.items(), 3, None, 3))
        functions, assertions = [], []
        for table, choices in (({**ONE, **OTHER[kind]}, [numbers]), (TWO, [numbers, numbers]), (THREE, [few, few, few])):
            for text, rule in table.items():
                name = f"f{len(functions)}"
                parameters = f"(param{f' {kind}' * len(choices)})"
                functions.append(f'  (func (export "{name}") {parameters} (result {kind}) {text.replace("T.", kind + ".")})')
                for chosen in itertools.product(*(choice.items() for choice in choices)):
                    arguments = " ".join(f"({kind}.const {written})" for written, _ in chosen)
                    result = rule(*(number for _, number in chosen)).expected()
                    assertions.append(f'(assert_return (invoke "{name}" {arguments}) ({kind}.const {result}))')
        print("(module")
        print("\n".join(functions) + ")")
        print("\n".join(assertions))


main()
