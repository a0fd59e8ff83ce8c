;; call_indirect through a table that never changes: types are compared by structure, and each way to be wrong traps.
;; RUN: %check-wat %s
(module
  (type $unary (func (param i32) (result i32))) (type $same (func (param i32) (result i32))) (type $other (func (param i64) (result i32)))
  (table 6 funcref)
  (elem (i32.const 1) $double $square) (elem (i32.const 4) $wide)
  (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func $square (type $same) (i32.mul (local.get 0) (local.get 0)))
  (func $wide (type $other) (i32.const 64))
  (func (export "call") (param i32 i32) (result i32) (call_indirect (type $unary) (local.get 1) (local.get 0)))
  (func (export "call_other") (param i32 i64) (result i32) (call_indirect (type $other) (local.get 1) (local.get 0))))
;; ASSERT call 1 21 => 42
;; ASSERT call 2 9 => 81
;; ASSERT call 4 1 => trap: indirect call type mismatch
;; ASSERT call 0 1 => trap: uninitialized element
;; ASSERT call 3 1 => trap: uninitialized element
;; ASSERT call 6 1 => trap: undefined element
;; ASSERT call -1 1 => trap: undefined element
;; ASSERT call_other 4 1 => 64
;; ASSERT call_other 1 1 => trap: indirect call type mismatch
