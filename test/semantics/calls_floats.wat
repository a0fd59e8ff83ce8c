;; Calls with 0 to 20 float parameters.
;; RUN: %check-wat %s
(module
  (type $t0 (func (result i64)))
  (func $f0 (type $t0) (i64.const 0))
  (func (export "call0") (result i64) (call $f0 ))
  (export "f0" (func $f0))
  (type $t1 (func (param f64) (result i64)))
  (func $f1 (type $t1) (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))))
  (func (export "call1") (result i64) (call $f1 (f64.const -0.25)))
  (export "f1" (func $f1))
  (type $t2 (func (param f64 f32) (result i64)))
  (func $f2 (type $t2) (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))))
  (func (export "call2") (result i64) (call $f2 (f64.const -0.25) (f32.const 1.5)))
  (export "f2" (func $f2))
  (type $t7 (func (param f64 f32 f64 f32 f64 f32 f64) (result i64)))
  (func $f7 (type $t7) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))) (i64.mul (i64.const 3) (i64.trunc_f64_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f32_s (local.get 3)))) (i64.mul (i64.const 5) (i64.trunc_f64_s (local.get 4)))) (i64.mul (i64.const 6) (i64.trunc_f32_s (local.get 5)))) (i64.mul (i64.const 7) (i64.trunc_f64_s (local.get 6)))))
  (func (export "call7") (result i64) (call $f7 (f64.const -0.25) (f32.const 1.5) (f64.const -2.25) (f32.const 3.5) (f64.const -4.25) (f32.const 5.5) (f64.const -6.25)))
  (export "f7" (func $f7))
  (type $t8 (func (param f64 f32 f64 f32 f64 f32 f64 f32) (result i64)))
  (func $f8 (type $t8) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))) (i64.mul (i64.const 3) (i64.trunc_f64_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f32_s (local.get 3)))) (i64.mul (i64.const 5) (i64.trunc_f64_s (local.get 4)))) (i64.mul (i64.const 6) (i64.trunc_f32_s (local.get 5)))) (i64.mul (i64.const 7) (i64.trunc_f64_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f32_s (local.get 7)))))
  (func (export "call8") (result i64) (call $f8 (f64.const -0.25) (f32.const 1.5) (f64.const -2.25) (f32.const 3.5) (f64.const -4.25) (f32.const 5.5) (f64.const -6.25) (f32.const 7.5)))
  (export "f8" (func $f8))
  (type $t9 (func (param f64 f32 f64 f32 f64 f32 f64 f32 f64) (result i64)))
  (func $f9 (type $t9) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))) (i64.mul (i64.const 3) (i64.trunc_f64_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f32_s (local.get 3)))) (i64.mul (i64.const 5) (i64.trunc_f64_s (local.get 4)))) (i64.mul (i64.const 6) (i64.trunc_f32_s (local.get 5)))) (i64.mul (i64.const 7) (i64.trunc_f64_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f32_s (local.get 7)))) (i64.mul (i64.const 9) (i64.trunc_f64_s (local.get 8)))))
  (func (export "call9") (result i64) (call $f9 (f64.const -0.25) (f32.const 1.5) (f64.const -2.25) (f32.const 3.5) (f64.const -4.25) (f32.const 5.5) (f64.const -6.25) (f32.const 7.5) (f64.const -8.25)))
  (export "f9" (func $f9))
  (type $t10 (func (param f64 f32 f64 f32 f64 f32 f64 f32 f64 f32) (result i64)))
  (func $f10 (type $t10) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))) (i64.mul (i64.const 3) (i64.trunc_f64_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f32_s (local.get 3)))) (i64.mul (i64.const 5) (i64.trunc_f64_s (local.get 4)))) (i64.mul (i64.const 6) (i64.trunc_f32_s (local.get 5)))) (i64.mul (i64.const 7) (i64.trunc_f64_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f32_s (local.get 7)))) (i64.mul (i64.const 9) (i64.trunc_f64_s (local.get 8)))) (i64.mul (i64.const 10) (i64.trunc_f32_s (local.get 9)))))
  (func (export "call10") (result i64) (call $f10 (f64.const -0.25) (f32.const 1.5) (f64.const -2.25) (f32.const 3.5) (f64.const -4.25) (f32.const 5.5) (f64.const -6.25) (f32.const 7.5) (f64.const -8.25) (f32.const 9.5)))
  (export "f10" (func $f10))
  (type $t15 (func (param f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64) (result i64)))
  (func $f15 (type $t15) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))) (i64.mul (i64.const 3) (i64.trunc_f64_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f32_s (local.get 3)))) (i64.mul (i64.const 5) (i64.trunc_f64_s (local.get 4)))) (i64.mul (i64.const 6) (i64.trunc_f32_s (local.get 5)))) (i64.mul (i64.const 7) (i64.trunc_f64_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f32_s (local.get 7)))) (i64.mul (i64.const 9) (i64.trunc_f64_s (local.get 8)))) (i64.mul (i64.const 10) (i64.trunc_f32_s (local.get 9)))) (i64.mul (i64.const 11) (i64.trunc_f64_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f32_s (local.get 11)))) (i64.mul (i64.const 13) (i64.trunc_f64_s (local.get 12)))) (i64.mul (i64.const 14) (i64.trunc_f32_s (local.get 13)))) (i64.mul (i64.const 15) (i64.trunc_f64_s (local.get 14)))))
  (func (export "call15") (result i64) (call $f15 (f64.const -0.25) (f32.const 1.5) (f64.const -2.25) (f32.const 3.5) (f64.const -4.25) (f32.const 5.5) (f64.const -6.25) (f32.const 7.5) (f64.const -8.25) (f32.const 9.5) (f64.const -10.25) (f32.const 11.5) (f64.const -12.25) (f32.const 13.5) (f64.const -14.25)))
  (export "f15" (func $f15))
  (type $t16 (func (param f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32) (result i64)))
  (func $f16 (type $t16) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))) (i64.mul (i64.const 3) (i64.trunc_f64_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f32_s (local.get 3)))) (i64.mul (i64.const 5) (i64.trunc_f64_s (local.get 4)))) (i64.mul (i64.const 6) (i64.trunc_f32_s (local.get 5)))) (i64.mul (i64.const 7) (i64.trunc_f64_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f32_s (local.get 7)))) (i64.mul (i64.const 9) (i64.trunc_f64_s (local.get 8)))) (i64.mul (i64.const 10) (i64.trunc_f32_s (local.get 9)))) (i64.mul (i64.const 11) (i64.trunc_f64_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f32_s (local.get 11)))) (i64.mul (i64.const 13) (i64.trunc_f64_s (local.get 12)))) (i64.mul (i64.const 14) (i64.trunc_f32_s (local.get 13)))) (i64.mul (i64.const 15) (i64.trunc_f64_s (local.get 14)))) (i64.mul (i64.const 16) (i64.trunc_f32_s (local.get 15)))))
  (func (export "call16") (result i64) (call $f16 (f64.const -0.25) (f32.const 1.5) (f64.const -2.25) (f32.const 3.5) (f64.const -4.25) (f32.const 5.5) (f64.const -6.25) (f32.const 7.5) (f64.const -8.25) (f32.const 9.5) (f64.const -10.25) (f32.const 11.5) (f64.const -12.25) (f32.const 13.5) (f64.const -14.25) (f32.const 15.5)))
  (export "f16" (func $f16))
  (type $t17 (func (param f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64) (result i64)))
  (func $f17 (type $t17) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))) (i64.mul (i64.const 3) (i64.trunc_f64_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f32_s (local.get 3)))) (i64.mul (i64.const 5) (i64.trunc_f64_s (local.get 4)))) (i64.mul (i64.const 6) (i64.trunc_f32_s (local.get 5)))) (i64.mul (i64.const 7) (i64.trunc_f64_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f32_s (local.get 7)))) (i64.mul (i64.const 9) (i64.trunc_f64_s (local.get 8)))) (i64.mul (i64.const 10) (i64.trunc_f32_s (local.get 9)))) (i64.mul (i64.const 11) (i64.trunc_f64_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f32_s (local.get 11)))) (i64.mul (i64.const 13) (i64.trunc_f64_s (local.get 12)))) (i64.mul (i64.const 14) (i64.trunc_f32_s (local.get 13)))) (i64.mul (i64.const 15) (i64.trunc_f64_s (local.get 14)))) (i64.mul (i64.const 16) (i64.trunc_f32_s (local.get 15)))) (i64.mul (i64.const 17) (i64.trunc_f64_s (local.get 16)))))
  (func (export "call17") (result i64) (call $f17 (f64.const -0.25) (f32.const 1.5) (f64.const -2.25) (f32.const 3.5) (f64.const -4.25) (f32.const 5.5) (f64.const -6.25) (f32.const 7.5) (f64.const -8.25) (f32.const 9.5) (f64.const -10.25) (f32.const 11.5) (f64.const -12.25) (f32.const 13.5) (f64.const -14.25) (f32.const 15.5) (f64.const -16.25)))
  (export "f17" (func $f17))
  (type $t20 (func (param f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32 f64 f32) (result i64)))
  (func $f20 (type $t20) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.trunc_f64_s (local.get 0)))) (i64.mul (i64.const 2) (i64.trunc_f32_s (local.get 1)))) (i64.mul (i64.const 3) (i64.trunc_f64_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f32_s (local.get 3)))) (i64.mul (i64.const 5) (i64.trunc_f64_s (local.get 4)))) (i64.mul (i64.const 6) (i64.trunc_f32_s (local.get 5)))) (i64.mul (i64.const 7) (i64.trunc_f64_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f32_s (local.get 7)))) (i64.mul (i64.const 9) (i64.trunc_f64_s (local.get 8)))) (i64.mul (i64.const 10) (i64.trunc_f32_s (local.get 9)))) (i64.mul (i64.const 11) (i64.trunc_f64_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f32_s (local.get 11)))) (i64.mul (i64.const 13) (i64.trunc_f64_s (local.get 12)))) (i64.mul (i64.const 14) (i64.trunc_f32_s (local.get 13)))) (i64.mul (i64.const 15) (i64.trunc_f64_s (local.get 14)))) (i64.mul (i64.const 16) (i64.trunc_f32_s (local.get 15)))) (i64.mul (i64.const 17) (i64.trunc_f64_s (local.get 16)))) (i64.mul (i64.const 18) (i64.trunc_f32_s (local.get 17)))) (i64.mul (i64.const 19) (i64.trunc_f64_s (local.get 18)))) (i64.mul (i64.const 20) (i64.trunc_f32_s (local.get 19)))))
  (func (export "call20") (result i64) (call $f20 (f64.const -0.25) (f32.const 1.5) (f64.const -2.25) (f32.const 3.5) (f64.const -4.25) (f32.const 5.5) (f64.const -6.25) (f32.const 7.5) (f64.const -8.25) (f32.const 9.5) (f64.const -10.25) (f32.const 11.5) (f64.const -12.25) (f32.const 13.5) (f64.const -14.25) (f32.const 15.5) (f64.const -16.25) (f32.const 17.5) (f64.const -18.25) (f32.const 19.5)))
  (export "f20" (func $f20)))
;; ASSERT call0 => 0
;; ASSERT f0 => 0
;; ASSERT call1 => 0
;; ASSERT f1 -0.75 => 0
;; ASSERT call2 => 2
;; ASSERT f2 -0.75 1.5 => 2
;; ASSERT call7 => -24
;; ASSERT f7 -0.75 1.5 -2.75 3.5 -4.75 5.5 -6.75 => -24
;; ASSERT call8 => 32
;; ASSERT f8 -0.75 1.5 -2.75 3.5 -4.75 5.5 -6.75 7.5 => 32
;; ASSERT call9 => -40
;; ASSERT f9 -0.75 1.5 -2.75 3.5 -4.75 5.5 -6.75 7.5 -8.75 => -40
;; ASSERT call10 => 50
;; ASSERT f10 -0.75 1.5 -2.75 3.5 -4.75 5.5 -6.75 7.5 -8.75 9.5 => 50
;; ASSERT call15 => -112
;; ASSERT f15 -0.75 1.5 -2.75 3.5 -4.75 5.5 -6.75 7.5 -8.75 9.5 -10.75 11.5 -12.75 13.5 -14.75 => -112
;; ASSERT call16 => 128
;; ASSERT f16 -0.75 1.5 -2.75 3.5 -4.75 5.5 -6.75 7.5 -8.75 9.5 -10.75 11.5 -12.75 13.5 -14.75 15.5 => 128
;; ASSERT call17 => -144
;; ASSERT f17 -0.75 1.5 -2.75 3.5 -4.75 5.5 -6.75 7.5 -8.75 9.5 -10.75 11.5 -12.75 13.5 -14.75 15.5 -16.75 => -144
;; ASSERT call20 => 200
;; ASSERT f20 -0.75 1.5 -2.75 3.5 -4.75 5.5 -6.75 7.5 -8.75 9.5 -10.75 11.5 -12.75 13.5 -14.75 15.5 -16.75 17.5 -18.75 19.5 => 200
