;; v128 in a signature is refused.
;; RUN: wat2wasm --enable-all --no-check --debug-names %s -o %t.wasm && not %aotc compile %t.wasm -o %t.aotc 2>&1 | FileCheck %s
;; RUN: not %aotc validate %t.wasm 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: offset 0x{{[0-9a-f]+}}: unsupported feature: simd (v128)
(module (func (param v128)))
