;; The reader keeps types, limits, segments and every instruction with its offset in the module.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc dump %t.wasm --after=read | FileCheck %s
;; CHECK: type 0: (i32)->(i32)
;; CHECK: memory: 1..65536 pages
;; CHECK: table 0: min 2
;; CHECK: global 0: mutable i32 = 0x3
;; CHECK: export "g": kind 0 index 1
;; CHECK: elem 0: {{.*}} table 0 at 0, 1 entries
;; CHECK: function 0 (load): (i32)->(i32)
;; CHECK-NEXT: 0 0x{{[0-9a-f]+}} local.get 0
;; CHECK-NEXT: 1 0x{{[0-9a-f]+}} i32.load 8
;; CHECK-NEXT: end
;; CHECK: function 1 (function 1): (i32)->(i32)
;; CHECK: global.set 0
;; CHECK: call_indirect type 0 table 0
(module (memory 1) (global $g (mut i32) (i32.const 3))
  (table 2 funcref) (elem (i32.const 0) $load) (type $t (func (param i32) (result i32)))
  (func $load (type $t) (i32.load offset=8 (local.get 0)))
  (func (export "g") (param i32) (result i32) (global.set $g (local.get 0)) (call_indirect (type $t) (local.get 0) (i32.const 0))))
