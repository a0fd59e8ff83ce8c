;; min and max: a NaN wins, and -0 is smaller than 0, whichever operand comes first.
;; RUN: %check-wat %s
(module
  (func (export "min32") (param f32 f32) (result f32) (f32.min (local.get 0) (local.get 1)))
  (func (export "max32") (param f32 f32) (result f32) (f32.max (local.get 0) (local.get 1)))
  (func (export "min64") (param f64 f64) (result f64) (f64.min (local.get 0) (local.get 1)))
  (func (export "max64") (param f64 f64) (result f64) (f64.max (local.get 0) (local.get 1)))
  (func (export "min_quiet") (param i64) (result i64)
    (i64.and (i64.reinterpret_f64 (f64.min (f64.reinterpret_i64 (local.get 0)) (f64.const 1))) (i64.const 0x7ff8000000000000))))
;; ASSERT min32 1 2 => 1
;; ASSERT min32 0 -0 => -0
;; ASSERT min32 -0 0 => -0
;; ASSERT min32 nan 1 => nan
;; ASSERT min32 1 nan => nan
;; ASSERT max32 0 -0 => 0
;; ASSERT max32 -0 0 => 0
;; ASSERT max32 -inf nan => nan
;; ASSERT min64 -inf 3 => -inf
;; ASSERT min64 0 -0 => -0
;; ASSERT min64 -0 0 => -0
;; ASSERT min64 1 nan => nan
;; ASSERT max64 -0 0 => 0
;; ASSERT max64 0 -0 => 0
;; ASSERT max64 nan 7 => nan
;; ASSERT max64 7 9 => 9
;; ASSERT min_quiet 0x7ff4000000000000 => 0x7ff8000000000000
