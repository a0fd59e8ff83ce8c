;; An operand that is missing is a type error.
;; RUN: wat2wasm --enable-all --no-check --debug-names %s -o %t.wasm && not %aotc compile %t.wasm -o %t.aotc 2>&1 | FileCheck %s
;; RUN: not %aotc validate %t.wasm 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: function 0 (f): offset 0x{{[0-9a-f]+}}: type mismatch
(module (func $f (drop (i32.add (i32.const 1)))))
