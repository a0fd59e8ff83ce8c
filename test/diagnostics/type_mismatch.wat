;; A type error names the function, the offset and both types.
;; RUN: wat2wasm --enable-all --no-check --debug-names %s -o %t.wasm && not %aotc compile %t.wasm -o %t.aotc 2>&1 | FileCheck %s
;; RUN: not %aotc validate %t.wasm 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: function 0 (wrong): offset 0x{{[0-9a-f]+}}: type mismatch{{.*}}i32{{.*}}i64
(module (func $wrong (result i32) (i64.const 1)))
