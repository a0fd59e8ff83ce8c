;; ceil, floor, trunc and nearest, the last with halves to even; results keep the sign of zero.
;; RUN: %check-wat %s
(module
  (func (export "all32") (param f32) (result f32 f32 f32 f32)
    (f32.ceil (local.get 0)) (f32.floor (local.get 0)) (f32.trunc (local.get 0)) (f32.nearest (local.get 0)))
  (func (export "all64") (param f64) (result f64 f64 f64 f64)
    (f64.ceil (local.get 0)) (f64.floor (local.get 0)) (f64.trunc (local.get 0)) (f64.nearest (local.get 0))))
;; ASSERT all32 0.5 => 1 0 0 0
;; ASSERT all32 -0.5 => -0 -1 -0 -0
;; ASSERT all32 1.5 => 2 1 1 2
;; ASSERT all32 2.5 => 3 2 2 2
;; ASSERT all32 -3.5 => -3 -4 -3 -4
;; ASSERT all32 8388609 => 8388609 8388609 8388609 8388609
;; ASSERT all32 inf => inf inf inf inf
;; ASSERT all32 nan => nan nan nan nan
;; ASSERT all64 0.49999999999999994 => 1 0 0 0
;; ASSERT all64 -0.7 => -0 -1 -0 -1
;; ASSERT all64 4.5 => 5 4 4 4
;; ASSERT all64 -0 => -0 -0 -0 -0
;; ASSERT all64 2251799813685249.5 => 2251799813685250 2251799813685249 2251799813685249 2251799813685250
