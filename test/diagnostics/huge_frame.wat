;; A function that needs a larger stack frame than the guard region covers is refused by name.
;; RUN: %python %S/Inputs/many_locals.py 33500 > %t.wat && wat2wasm --debug-names %t.wat -o %t.wasm
;; RUN: not %aotc compile %t.wasm --tier quick -o %t.aotc 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: function 1 (sum): stack frame of {{[0-9]+}} bytes is too large
