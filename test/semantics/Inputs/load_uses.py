#!/usr/bin/env python3
"""Writes a module for check-wat in which each kind of load is used in each way that an optimizer could make it optional by:
a load behind the end of memory traps all the same.

  load_uses.py OUT.wat
"""
import sys

LOADS = {"i32.load": "i32", "i32.load8_u": "i32", "i64.load": "i64", "i64.load32_s": "i64", "f32.load": "f32", "f64.load": "f64"}
# The condition is such that the load is not needed. {L}: the load, {Z}: a zero and {P}: a parameter of its type, {C}: the condition; what is left is a value of the type.
ANY = {
    "then": "(select {L} {P} {C})",
    "otherwise": "(select {P} {L} {C})",
    "both": "(select {L} {L} {C})",
    "nested": "(select {P} (select {L} {Z} {C}) {C})",
    "dropped": "(drop {L}) {P}",
    "overwritten": "(local.set $v {L}) (local.set $v {P}) (local.get $v)",
    "one_arm": "(local.set $v {L}) (if {C} (then (local.set $v {P}))) (local.get $v)",
    "looped": "(loop (local.set $v (select (local.get $v) {L} {C})) (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))) (local.get $v)",
    "left": "(block (result {T}) (br_if 0 {P} {C}) (drop) {L})",  # branches only when the condition holds
    "stored_over": "(i32.store (i32.const 0) (i32.const 1)) (drop {L}) (i32.store (i32.const 0) (i32.const 2)) {P}",
}
INTEGER = {
    "and_0": "({T}.and {L} {Z})", "times_0": "({T}.mul {Z} {L})", "minus_itself": "(local.set $v {L}) ({T}.sub (local.get $v) (local.get $v))",
    "or_all": "({T}.or {L} ({T}.const -1))", "shifted": "({T}.shl ({T}.shl {L} ({T}.const 31)) ({T}.const 1))",
    "condition": "(select {P} {Z} ({T}.eqz {L}))", "compared": "(select {P} {P} ({T}.eq {L} {L}))", "divided": "({T}.div_u {Z} ({T}.or {L} ({T}.const 1)))",
}
FLOAT = {"copysign": "({T}.copysign {P} {L})", "min": "({T}.min {P} {L})", "times_0": "({T}.mul {L} {Z})", "compared": "(select {P} {P} ({T}.lt {L} {P}))",
         "abs": "({T}.abs ({T}.neg {L}))"}


def main():
    functions, asserts = [], []
    for load, type_ in LOADS.items():
        for use, text in {**ANY, **(INTEGER if type_[0] == "i" else FLOAT)}.items():
            name = f"{load}_{use}"
            body = (text.replace("{L}", f"({load} (local.get 0))").replace("{Z}", f"({type_}.const 0)").replace("{P}", "(local.get 2)")
                    .replace("{C}", "(local.get 1)").replace("{T}", type_))
            functions.append(f'  (func (export "{name}") (param i32 i32 {type_}) (result {type_}) (local $v {type_}) {body})')
            condition = int(use in ("otherwise", "one_arm", "looped"))
            asserts.append(f";; ASSERT {name} 65536 {condition} 0 => trap: out of bounds memory access")
    with open(sys.argv[1], "w") as file:
        print("(module (memory 1)", *functions, ")", *asserts, sep="\n", file=file)
    print(len(functions), "functions")


main()
