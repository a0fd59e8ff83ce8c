;; A SIMD instruction is refused by the feature's name, with function and offset.
;; RUN: wat2wasm --enable-all --no-check --debug-names %s -o %t.wasm && not %aotc compile %t.wasm -o %t.aotc 2>&1 | FileCheck %s
;; RUN: not %aotc validate %t.wasm 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: function 0 (f): offset 0x{{[0-9a-f]+}}: unsupported feature: simd
(module (func $f (drop (v128.const i64x2 1 2))))
