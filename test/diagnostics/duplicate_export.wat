;; Two exports of one name are refused.
;; RUN: wat2wasm --enable-all --no-check --debug-names %s -o %t.wasm && not %aotc compile %t.wasm -o %t.aotc 2>&1 | FileCheck %s
;; RUN: not %aotc validate %t.wasm 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: offset 0x{{[0-9a-f]+}}: duplicate export
(module (func (export "a")) (func (export "a")))
