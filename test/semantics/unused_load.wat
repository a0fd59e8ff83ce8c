;; A load whose result nobody uses still traps in a module that is not Go's, and so do a dead division and a dead conversion.
;; RUN: %check-wat %s
(module (memory 1) (table 1 funcref)
  (func (export "load") (param i32) (drop (i32.load (local.get 0))))
  (func (export "float") (param i32) (drop (f64.load offset=8 (local.get 0))))
  (func (export "narrow") (param i32) (drop (i64.load8_s (local.get 0))))
  (func (export "overwritten") (param i32) (result i32) (local i32)
    (local.set 1 (i32.load (local.get 0))) (local.set 1 (i32.const 7)) (local.get 1))
  (func (export "loop") (param i32) (local i32)
    (loop (drop (i32.load (local.get 0))) (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 1) (i32.const 10))))))
;; ASSERT load 0 =>
;; ASSERT load 65536 => trap: out of bounds memory access
;; ASSERT float 65528 => trap: out of bounds memory access
;; ASSERT narrow -1 => trap: out of bounds memory access
;; ASSERT overwritten 65533 => trap: out of bounds memory access
;; ASSERT overwritten 0 => 7
;; ASSERT loop 65536 => trap: out of bounds memory access
