;; Comparisons with a NaN are false, except `ne`; zeros of either sign are equal.
;; RUN: %check-wat %s
(module
  (func (export "all32") (param f32 f32) (result i32 i32 i32 i32 i32 i32)
    (f32.eq (local.get 0) (local.get 1)) (f32.ne (local.get 0) (local.get 1)) (f32.lt (local.get 0) (local.get 1))
    (f32.gt (local.get 0) (local.get 1)) (f32.le (local.get 0) (local.get 1)) (f32.ge (local.get 0) (local.get 1)))
  (func (export "all64") (param f64 f64) (result i32 i32 i32 i32 i32 i32)
    (f64.eq (local.get 0) (local.get 1)) (f64.ne (local.get 0) (local.get 1)) (f64.lt (local.get 0) (local.get 1))
    (f64.gt (local.get 0) (local.get 1)) (f64.le (local.get 0) (local.get 1)) (f64.ge (local.get 0) (local.get 1)))
  (func (export "branch") (param f64 f64) (result i32)
    (if (result i32) (f64.lt (local.get 0) (local.get 1)) (then (i32.const 1)) (else (i32.const 2)))))
;; ASSERT all32 1 2 => 0 1 1 0 1 0
;; ASSERT all32 nan 1 => 0 1 0 0 0 0
;; ASSERT all32 nan nan => 0 1 0 0 0 0
;; ASSERT all32 -0 0 => 1 0 0 0 1 1
;; ASSERT all64 inf 2 => 0 1 0 1 0 1
;; ASSERT all64 1 nan => 0 1 0 0 0 0
;; ASSERT all64 0 -0 => 1 0 0 0 1 1
;; ASSERT branch 1 nan => 2
;; ASSERT branch 1 2 => 1
