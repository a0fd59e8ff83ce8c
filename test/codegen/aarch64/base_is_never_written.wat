;; A function with 20 integer parameters passes those past the eighth through memory, and no instruction writes x28.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && for tier in quick best; do %aotc dump %t.wasm --after=codegen --target aarch64 --tier $tier --function caller | FileCheck %s --implicit-check-not="mov{{.}}x28," --implicit-check-not="{{ldr|ldp|add|sub}} {{x28|w28}}," || exit 1; done
;; CHECK: caller: {{[0-9]+}} bytes
;; CHECK: relocation text+0x{{[0-9a-f]+}} call26
(module
  (func $callee (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (return (local.get 19))))
    (call $callee (i64.sub (local.get 0) (i64.const 1)) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10)
      (local.get 11) (local.get 12) (local.get 13) (local.get 14) (local.get 15) (local.get 16) (local.get 17) (local.get 18) (local.get 19) (local.get 1)))
  (func $caller (export "caller") (param i64) (result i64)
    (call $callee (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9)
      (i64.const 10) (i64.const 11) (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15) (i64.const 16) (i64.const 17) (i64.const 18) (i64.const 19))))
