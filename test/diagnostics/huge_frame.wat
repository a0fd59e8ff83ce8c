;; A function with more locals than a stack frame may hold compiles another way or is refused by name: it never runs off the stack.
;; RUN: %python %S/Inputs/many_locals.py 60000 > %t.wat && wat2wasm %t.wat -o %t.wasm
;; RUN: %aotc compile %t.wasm -o %t.aotc 2>%t.err && %aotc run %t.aotc --invoke sum 3 | grep -qx 180000 || FileCheck %s < %t.err
;; CHECK: aotc: {{.*}}.wasm: function 1 ($sum): stack frame of {{[0-9]+}} bytes is too large
