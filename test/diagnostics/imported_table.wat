;; An imported table is refused: only functions can be imported.
;; RUN: wat2wasm --enable-all --no-check --debug-names %s -o %t.wasm && not %aotc compile %t.wasm -o %t.aotc 2>&1 | FileCheck %s
;; RUN: not %aotc validate %t.wasm 2>&1 | FileCheck %s
;; CHECK: aotc: {{.*}}.wasm: {{.*}}unsupported feature: import of a table
(module (import "env" "t" (table 1 funcref)))
