;; A reactor that is not Go's stands still after _initialize, with an empty stack: memory, globals, tables that changed and dropped
;; segments are in its snapshot, and each run and each life in a pool goes on from there.
;;
;; RUN: %wat2wasm %s -o %t.wasm && %aotc compile %t.wasm --target all --snapshot required -o %t
;; RUN: %aotc inspect %t.x86_64.aotc | grep 'waits_for.*it is a reactor'
;; RUN: for target in x86_64 aarch64; do %aotc run %t.$target.aotc --invoke look && %aotc run %t.$target.aotc --cold --invoke look || exit 1; done | FileCheck %s
;; RUN: not %aotc run %t.x86_64.aotc --invoke again 2>&1 | FileCheck %s --check-prefix=DROPPED
;; RUN: %bin/other_host_test --reactor %t.x86_64.aotc look change 3 | FileCheck %s --check-prefix=POOL
;; RUN: %python %S/Inputs/corrupt.py %t.x86_64.aotc %t.bad && not %aotc-exec %t.bad.entry --invoke look 2>&1 | FileCheck %s --check-prefix=ENTRY
;; REQUIRES: qemu
;; ENTRY: corrupted: snapshot: an entry of table 0 refers to no function
;; CHECK: 4711207
;; CHECK-NEXT: 4711207
;; CHECK-NEXT: 4711207
;; CHECK-NEXT: 4711207
;; DROPPED: trap: out of bounds memory access
;; POOL: life 1: 4711207 then 1
;; POOL-NEXT: life 2: 4711207 then 1
;; POOL-NEXT: life 3: 4711207 then 1
(module
  (type $number (func (result i32)))
  (memory 1)
  (table $t 2 4 funcref)
  (global $runs (mut i32) (i32.const 0))
  (data $d "\07\00\00\00")
  (elem declare func $two $one)
  (func $one (type $number) i32.const 1)
  (func $two (type $number) i32.const 2)
  (func (export "_initialize")
    (memory.init $d (i32.const 64) (i32.const 0) (i32.const 4))
    (data.drop $d)
    (table.set $t (i32.const 1) (ref.func $two))
    (drop (table.grow $t (ref.func $one) (i32.const 1)))
    (i32.store (i32.const 40000) (i32.const 4711))
    (global.set $runs (i32.add (global.get $runs) (i32.const 1))))
  ;; 4711, runs - 1 + entry 1, size of the table - 3, and the byte that was copied
  (func (export "look") (result i32)
    (i32.add
      (i32.mul (i32.load (i32.const 40000)) (i32.const 1000))
      (i32.add
        (i32.mul (i32.const 100) (i32.sub (i32.add (global.get $runs) (call_indirect $t (type $number) (i32.const 1))) (i32.const 1)))
        (i32.add (i32.mul (i32.const 10) (i32.sub (table.size $t) (i32.const 3))) (i32.load (i32.const 64))))))
  (func (export "change") (result i32)
    (i32.store (i32.const 40000) (i32.const 1))
    (i32.store (i32.const 64) (i32.const 1))
    (global.set $runs (i32.const 9))
    (table.set $t (i32.const 1) (ref.func $one))
    (drop (table.grow $t (ref.func $one) (i32.const 1)))
    (call_indirect $t (type $number) (i32.const 1)))
  (func (export "again") (result i32)
    (memory.init $d (i32.const 64) (i32.const 0) (i32.const 4))
    (i32.const 0)))
