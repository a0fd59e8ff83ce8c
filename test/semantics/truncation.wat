;; Float to integer: exact at the last value that fits, a trap at the first that does not, and for NaN.
;; RUN: %check-wat %s
(module
  (func (export "i32_f32_s") (param f32) (result i32) (i32.trunc_f32_s (local.get 0)))
  (func (export "i32_f32_u") (param f32) (result i32) (i32.trunc_f32_u (local.get 0)))
  (func (export "i32_f64_s") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "i32_f64_u") (param f64) (result i32) (i32.trunc_f64_u (local.get 0)))
  (func (export "i64_f32_s") (param f32) (result i64) (i64.trunc_f32_s (local.get 0)))
  (func (export "i64_f64_s") (param f64) (result i64) (i64.trunc_f64_s (local.get 0)))
  (func (export "i64_f64_u") (param f64) (result i64) (i64.trunc_f64_u (local.get 0)))
  (func (export "unused") (param f64) (drop (i32.trunc_f64_s (local.get 0)))))
;; ASSERT i32_f32_s 2147483520 => 2147483520
;; ASSERT i32_f32_s 2147483648 => trap: integer overflow
;; ASSERT i32_f32_s nan => trap: invalid conversion to integer
;; ASSERT i32_f32_u 4294967040 => 4294967040
;; ASSERT i32_f32_u -0.9 => 0
;; ASSERT i32_f32_u -1 => trap: integer overflow
;; ASSERT i32_f64_s -2147483648.9 => -2147483648
;; ASSERT i32_f64_s -2147483649 => trap: integer overflow
;; ASSERT i32_f64_s 2147483647.9 => 2147483647
;; ASSERT i32_f64_u 4294967295.9 => 4294967295
;; ASSERT i32_f64_u 4294967296 => trap: integer overflow
;; ASSERT i64_f32_s -9223372036854775808 => -9223372036854775808
;; ASSERT i64_f32_s 9223372036854775808 => trap: integer overflow
;; ASSERT i64_f64_s -9223372036854775808 => -9223372036854775808
;; ASSERT i64_f64_s -1e19 => trap: integer overflow
;; ASSERT i64_f64_u 18446744073709549568 => 18446744073709549568
;; ASSERT i64_f64_u 18446744073709551616 => trap: integer overflow
;; ASSERT i64_f64_u nan => trap: invalid conversion to integer
;; ASSERT unused nan => trap: invalid conversion to integer
;; ASSERT unused 1e10 => trap: integer overflow
