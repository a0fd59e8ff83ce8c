;; A name with control characters reaches the terminal without them.
;; RUN: wat2wasm --enable-all --no-check --debug-names %s -o %t.wasm && not %aotc compile %t.wasm -o %t.aotc 2>&1 | FileCheck %s
;; RUN: not %aotc validate %t.wasm 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: offset 0x{{[0-9a-f]+}}: duplicate export "a?[31m"
(module (func $f (export "a\1b[31m")) (func (export "a\1b[31m")))
