;; Of a module that is not Go's only leaves of a few instructions become part of their callers: its compiler has inlined what
;; was worth it, and doing so again took SQLite's code to two and a half times its size.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc dump %t.wasm --after=lower --function caller | FileCheck %s
;; RUN: %check-wat %s
;; CHECK: ; f2 is forwards
;; CHECK: define {{.*}} @f0(
;; CHECK: call {{.*}} @inlinef1(
;; CHECK: call {{.*}} @f2(
;; CHECK: call {{.*}} @f3(
;; CHECK-NOT: define {{.*}} @inlinef{{[23]}}(
(module
  (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
  (func $forwards (param i32) (result i32) (call $leaf (local.get 0)))
  (func $long (param $x i32) (result i32)
    (i32.add (i32.mul (local.get $x) (local.get $x)) (i32.add (i32.mul (local.get $x) (local.get $x))
      (i32.add (i32.mul (local.get $x) (local.get $x)) (i32.add (i32.mul (local.get $x) (local.get $x)) (i32.const 1))))))
  (func $caller (export "caller") (param i32) (result i32)
    (i32.add (call $leaf (local.get 0)) (i32.add (call $forwards (local.get 0)) (call $long (local.get 0))))))
;; ASSERT caller 2 => 29
