;; Division by zero and the one quotient that does not fit trap; what a compiler could fold away still traps.
;; RUN: %check-wat %s
(module
  (func (export "i32_s") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "i32_u") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func (export "i32_rem_s") (param i32 i32) (result i32) (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "i32_rem_u") (param i32 i32) (result i32) (i32.rem_u (local.get 0) (local.get 1)))
  (func (export "i64_s") (param i64 i64) (result i64) (i64.div_s (local.get 0) (local.get 1)))
  (func (export "i64_u") (param i64 i64) (result i64) (i64.div_u (local.get 0) (local.get 1)))
  (func (export "i64_rem_s") (param i64 i64) (result i64) (i64.rem_s (local.get 0) (local.get 1)))
  (func (export "i64_rem_u") (param i64 i64) (result i64) (i64.rem_u (local.get 0) (local.get 1)))
  (func (export "unused") (drop (i32.div_u (i32.const 1) (i32.const 0))))
  (func (export "constant") (result i32) (i32.div_s (i32.const 0x80000000) (i32.const -1))))
;; ASSERT i32_s 1 0 => trap: integer divide by zero
;; ASSERT i32_u 1 0 => trap: integer divide by zero
;; ASSERT i32_rem_s 1 0 => trap: integer divide by zero
;; ASSERT i32_rem_u 1 0 => trap: integer divide by zero
;; ASSERT i64_s 1 0 => trap: integer divide by zero
;; ASSERT i64_u 1 0 => trap: integer divide by zero
;; ASSERT i64_rem_s 1 0 => trap: integer divide by zero
;; ASSERT i64_rem_u 1 0 => trap: integer divide by zero
;; ASSERT i32_s 0x80000000 -1 => trap: integer overflow
;; ASSERT i64_s 0x8000000000000000 -1 => trap: integer overflow
;; ASSERT unused => trap: integer divide by zero
;; ASSERT constant => trap: integer overflow
