;; Integer to float rounds to nearest even, once; promotion is exact and demotion rounds.
;; RUN: %check-wat %s
(module
  (func (export "f32_i32_s") (param i32) (result f32) (f32.convert_i32_s (local.get 0)))
  (func (export "f32_i32_u") (param i32) (result f32) (f32.convert_i32_u (local.get 0)))
  (func (export "f32_i64_s") (param i64) (result f32) (f32.convert_i64_s (local.get 0)))
  (func (export "f32_i64_u") (param i64) (result f32) (f32.convert_i64_u (local.get 0)))
  (func (export "f64_i32_s") (param i32) (result f64) (f64.convert_i32_s (local.get 0)))
  (func (export "f64_i32_u") (param i32) (result f64) (f64.convert_i32_u (local.get 0)))
  (func (export "f64_i64_s") (param i64) (result f64) (f64.convert_i64_s (local.get 0)))
  (func (export "f64_i64_u") (param i64) (result f64) (f64.convert_i64_u (local.get 0)))
  (func (export "demote") (param f64) (result f32) (f32.demote_f64 (local.get 0)))
  (func (export "promote") (param f32) (result f64) (f64.promote_f32 (local.get 0))))
;; ASSERT f32_i32_s 16777217 => 16777216
;; ASSERT f32_i32_s -1 => -1
;; ASSERT f32_i32_u -1 => 4294967296
;; ASSERT f32_i64_s 0x7fffff4000000001 => 9223371487098961920
;; ASSERT f32_i64_u 0x8000008000000001 => 9223373136366403584
;; ASSERT f32_i64_u 0xffffffffffffffff => 18446744073709551616
;; ASSERT f64_i32_s 0x80000000 => -2147483648
;; ASSERT f64_i32_u -1 => 4294967295
;; ASSERT f64_i64_s 9007199254740993 => 9007199254740992
;; ASSERT f64_i64_u 0x8000000000000401 => 9223372036854777856
;; ASSERT demote 1e40 => inf
;; ASSERT demote 1.0000000596046448 => 1
;; ASSERT demote nan => nan
;; ASSERT promote 1.1 => 1.10000002384185791
