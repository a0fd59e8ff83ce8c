;; A branch to a dispatch loop with a known index becomes a direct branch: what is left of br_table is one switch at entry.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc dump %t.wasm --after=lower --function dispatch | FileCheck %s
;; RUN: %check-wat %s
;; CHECK: define {{.*}} @f0(
;; CHECK-COUNT-1: switch i32
;; CHECK-NOT: switch i32
;; CHECK: ret
(module
  (func $dispatch (export "dispatch") (param $pc i32) (param $n i32) (result i32) (local $sum i32)
    (loop $loop
      (block $done (block $add (block $test
        (br_table $test $add $done (local.get $pc)))
        (if (i32.eqz (local.get $n)) (then (local.set $pc (i32.const 2)) (br $loop)))
        (local.set $pc (i32.const 1)) (br $loop))
      (local.set $sum (i32.add (local.get $sum) (local.get $n))) (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (local.set $pc (i32.const 0)) (br $loop)))
    (local.get $sum)))
;; ASSERT dispatch 0 10 => 55
;; ASSERT dispatch 1 10 => 55
;; ASSERT dispatch 2 10 => 0
