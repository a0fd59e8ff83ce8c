;; Linear memory is reached through GS with the offset folded in and no bounds check; a global likewise below the base.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc dump %t.wasm --after=codegen --target x86_64 --function load | FileCheck %s --implicit-check-not=cmp
;; CHECK-DAG: %gs:8(%r
;; CHECK-DAG: %gs:-{{[0-9]+}}
;; CHECK: ret
;; CHECK: trap 0x{{[0-9a-f]+}} instruction {{[0-9]+}}
(module (memory 1) (global $g (mut i32) (i32.const 0))
  (func $load (export "load") (param i32) (result i32) (i32.add (i32.load offset=8 (local.get 0)) (global.get $g))))
