;; Saturating float to integer clamps to the range, and NaN becomes 0.
;; RUN: %check-wat %s
(module
  (func (export "i32_f32_s") (param f32) (result i32) (i32.trunc_sat_f32_s (local.get 0)))
  (func (export "i32_f32_u") (param f32) (result i32) (i32.trunc_sat_f32_u (local.get 0)))
  (func (export "i32_f64_s") (param f64) (result i32) (i32.trunc_sat_f64_s (local.get 0)))
  (func (export "i32_f64_u") (param f64) (result i32) (i32.trunc_sat_f64_u (local.get 0)))
  (func (export "i64_f32_s") (param f32) (result i64) (i64.trunc_sat_f32_s (local.get 0)))
  (func (export "i64_f32_u") (param f32) (result i64) (i64.trunc_sat_f32_u (local.get 0)))
  (func (export "i64_f64_s") (param f64) (result i64) (i64.trunc_sat_f64_s (local.get 0)))
  (func (export "i64_f64_u") (param f64) (result i64) (i64.trunc_sat_f64_u (local.get 0))))
;; ASSERT i32_f32_s nan => 0
;; ASSERT i32_f32_s 1e20 => 0x7fffffff
;; ASSERT i32_f32_s -1e20 => 0x80000000
;; ASSERT i32_f32_u -5 => 0
;; ASSERT i32_f32_u inf => 0xffffffff
;; ASSERT i32_f64_s -1.9 => -1
;; ASSERT i32_f64_u 4294967296 => 0xffffffff
;; ASSERT i32_f64_u nan => 0
;; ASSERT i64_f32_s inf => 0x7fffffffffffffff
;; ASSERT i64_f32_u -inf => 0
;; ASSERT i64_f64_s -1e30 => 0x8000000000000000
;; ASSERT i64_f64_s nan => 0
;; ASSERT i64_f64_u 1e30 => 0xffffffffffffffff
;; ASSERT i64_f64_u 18446744073709549568 => 18446744073709549568
