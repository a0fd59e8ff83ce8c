;; In a Go-shaped module an exported function that takes and returns an i32 keeps its result, but a table's entry for it, which Go never calls, traps.
;; RUN: %wat2wasm %s -o %t.wasm && %aotc dump %t.wasm --after=shape | grep 'go-shaped: yes' && %aotc compile %t.wasm --target all -o %t
;; RUN: for target in x86_64 aarch64; do %aotc run %t.$target.aotc --invoke value 3 | grep -x 10 && %aotc run %t.$target.aotc --invoke direct | grep -x 12 && not %aotc run %t.$target.aotc --invoke indirect 2>&1 | FileCheck %s || exit 1; done
;; REQUIRES: qemu
;; CHECK: trap: indirect call type mismatch
(module
  (type $r (func (param i32) (result i32)))
  (memory 1)
  (table 4 funcref)
  (global (mut i32) (i32.const 0))
  (elem (i32.const 1) $a $value)
  (func $a (type $r) (i32.const 0))
  (func $b (type $r) (i32.const 0))
  (func $c (type $r) (i32.const 0))
  (func $d (type $r) (i32.const 0))
  (func $value (export "value") (type $r) (i32.add (local.get 0) (i32.const 7)))
  (func (export "direct") (result i32) (call $value (i32.const 5)))
  (func (export "indirect") (result i32) (i32.eqz (call_indirect (type $r) (i32.const 5) (i32.const 2))))
  (func (loop (br_if 0 (call_indirect (type $r) (i32.const 0) (i32.load16_u (i32.const 0)))))))
