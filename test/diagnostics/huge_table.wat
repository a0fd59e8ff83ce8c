;; A table that would take gigabytes is refused before it is allocated.
;; RUN: wat2wasm --enable-all --no-check --debug-names %s -o %t.wasm && not %aotc compile %t.wasm -o %t.aotc 2>&1 | FileCheck %s
;; RUN: not %aotc validate %t.wasm 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: offset 0x{{[0-9a-f]+}}: tables are too large: 4000000000
(module (table 4000000000 funcref))
