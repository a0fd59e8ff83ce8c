;; dump --function takes a name or a wasm index, and an unknown one is an error.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc dump %t.wasm --after=codegen --function second | FileCheck %s --implicit-check-not=first
;; RUN: %aotc dump %t.wasm --after=codegen --function 1 | FileCheck %s --implicit-check-not=first
;; RUN: not %aotc dump %t.wasm --after=codegen --function third 2>&1 | FileCheck %s --check-prefix=UNKNOWN
;; CHECK: second: {{[0-9]+}} bytes
;; UNKNOWN: aotc: {{.*}}.wasm: {{.*}}third
(module (func $first (result i32) (i32.const 1)) (func $second (result i32) (i32.const 2)))
