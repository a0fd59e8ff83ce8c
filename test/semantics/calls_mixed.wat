;; Calls with 0 to 20 parameters of all types mixed.
;; RUN: %check-wat %s
(module
  (type $t0 (func (result i64)))
  (func $f0 (type $t0) (i64.const 0))
  (func (export "call0") (result i64) (call $f0 ))
  (export "f0" (func $f0))
  (type $t1 (func (param i32) (result i64)))
  (func $f1 (type $t1) (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))))
  (func (export "call1") (result i64) (call $f1 (i32.const 10)))
  (export "f1" (func $f1))
  (type $t2 (func (param i32 i64) (result i64)))
  (func $f2 (type $t2) (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))))
  (func (export "call2") (result i64) (call $f2 (i32.const 10) (i64.const -101)))
  (export "f2" (func $f2))
  (type $t3 (func (param i32 i64 f32) (result i64)))
  (func $f3 (type $t3) (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))))
  (func (export "call3") (result i64) (call $f3 (i32.const 10) (i64.const -101) (f32.const 2.5)))
  (export "f3" (func $f3))
  (type $t4 (func (param i32 i64 f32 f64) (result i64)))
  (func $f4 (type $t4) (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))))
  (func (export "call4") (result i64) (call $f4 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25)))
  (export "f4" (func $f4))
  (type $t5 (func (param i32 i64 f32 f64 i32) (result i64)))
  (func $f5 (type $t5) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))))
  (func (export "call5") (result i64) (call $f5 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14)))
  (export "f5" (func $f5))
  (type $t7 (func (param i32 i64 f32 f64 i32 i64 f32) (result i64)))
  (func $f7 (type $t7) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))))
  (func (export "call7") (result i64) (call $f7 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5)))
  (export "f7" (func $f7))
  (type $t8 (func (param i32 i64 f32 f64 i32 i64 f32 f64) (result i64)))
  (func $f8 (type $t8) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f64_s (local.get 7)))))
  (func (export "call8") (result i64) (call $f8 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5) (f64.const -7.25)))
  (export "f8" (func $f8))
  (type $t9 (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32) (result i64)))
  (func $f9 (type $t9) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f64_s (local.get 7)))) (i64.mul (i64.const 9) (i64.extend_i32_s (local.get 8)))))
  (func (export "call9") (result i64) (call $f9 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5) (f64.const -7.25) (i32.const 18)))
  (export "f9" (func $f9))
  (type $t11 (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32) (result i64)))
  (func $f11 (type $t11) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f64_s (local.get 7)))) (i64.mul (i64.const 9) (i64.extend_i32_s (local.get 8)))) (i64.mul (i64.const 10) (local.get 9))) (i64.mul (i64.const 11) (i64.trunc_f32_s (local.get 10)))))
  (func (export "call11") (result i64) (call $f11 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5) (f64.const -7.25) (i32.const 18) (i64.const -109) (f32.const 10.5)))
  (export "f11" (func $f11))
  (type $t12 (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64) (result i64)))
  (func $f12 (type $t12) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f64_s (local.get 7)))) (i64.mul (i64.const 9) (i64.extend_i32_s (local.get 8)))) (i64.mul (i64.const 10) (local.get 9))) (i64.mul (i64.const 11) (i64.trunc_f32_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f64_s (local.get 11)))))
  (func (export "call12") (result i64) (call $f12 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5) (f64.const -7.25) (i32.const 18) (i64.const -109) (f32.const 10.5) (f64.const -11.25)))
  (export "f12" (func $f12))
  (type $t13 (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32) (result i64)))
  (func $f13 (type $t13) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f64_s (local.get 7)))) (i64.mul (i64.const 9) (i64.extend_i32_s (local.get 8)))) (i64.mul (i64.const 10) (local.get 9))) (i64.mul (i64.const 11) (i64.trunc_f32_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f64_s (local.get 11)))) (i64.mul (i64.const 13) (i64.extend_i32_s (local.get 12)))))
  (func (export "call13") (result i64) (call $f13 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5) (f64.const -7.25) (i32.const 18) (i64.const -109) (f32.const 10.5) (f64.const -11.25) (i32.const 22)))
  (export "f13" (func $f13))
  (type $t16 (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64) (result i64)))
  (func $f16 (type $t16) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f64_s (local.get 7)))) (i64.mul (i64.const 9) (i64.extend_i32_s (local.get 8)))) (i64.mul (i64.const 10) (local.get 9))) (i64.mul (i64.const 11) (i64.trunc_f32_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f64_s (local.get 11)))) (i64.mul (i64.const 13) (i64.extend_i32_s (local.get 12)))) (i64.mul (i64.const 14) (local.get 13))) (i64.mul (i64.const 15) (i64.trunc_f32_s (local.get 14)))) (i64.mul (i64.const 16) (i64.trunc_f64_s (local.get 15)))))
  (func (export "call16") (result i64) (call $f16 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5) (f64.const -7.25) (i32.const 18) (i64.const -109) (f32.const 10.5) (f64.const -11.25) (i32.const 22) (i64.const -113) (f32.const 14.5) (f64.const -15.25)))
  (export "f16" (func $f16))
  (type $t17 (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32) (result i64)))
  (func $f17 (type $t17) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f64_s (local.get 7)))) (i64.mul (i64.const 9) (i64.extend_i32_s (local.get 8)))) (i64.mul (i64.const 10) (local.get 9))) (i64.mul (i64.const 11) (i64.trunc_f32_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f64_s (local.get 11)))) (i64.mul (i64.const 13) (i64.extend_i32_s (local.get 12)))) (i64.mul (i64.const 14) (local.get 13))) (i64.mul (i64.const 15) (i64.trunc_f32_s (local.get 14)))) (i64.mul (i64.const 16) (i64.trunc_f64_s (local.get 15)))) (i64.mul (i64.const 17) (i64.extend_i32_s (local.get 16)))))
  (func (export "call17") (result i64) (call $f17 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5) (f64.const -7.25) (i32.const 18) (i64.const -109) (f32.const 10.5) (f64.const -11.25) (i32.const 22) (i64.const -113) (f32.const 14.5) (f64.const -15.25) (i32.const 26)))
  (export "f17" (func $f17))
  (type $t20 (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64) (result i64)))
  (func $f20 (type $t20) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (i64.extend_i32_s (local.get 0)))) (i64.mul (i64.const 2) (local.get 1))) (i64.mul (i64.const 3) (i64.trunc_f32_s (local.get 2)))) (i64.mul (i64.const 4) (i64.trunc_f64_s (local.get 3)))) (i64.mul (i64.const 5) (i64.extend_i32_s (local.get 4)))) (i64.mul (i64.const 6) (local.get 5))) (i64.mul (i64.const 7) (i64.trunc_f32_s (local.get 6)))) (i64.mul (i64.const 8) (i64.trunc_f64_s (local.get 7)))) (i64.mul (i64.const 9) (i64.extend_i32_s (local.get 8)))) (i64.mul (i64.const 10) (local.get 9))) (i64.mul (i64.const 11) (i64.trunc_f32_s (local.get 10)))) (i64.mul (i64.const 12) (i64.trunc_f64_s (local.get 11)))) (i64.mul (i64.const 13) (i64.extend_i32_s (local.get 12)))) (i64.mul (i64.const 14) (local.get 13))) (i64.mul (i64.const 15) (i64.trunc_f32_s (local.get 14)))) (i64.mul (i64.const 16) (i64.trunc_f64_s (local.get 15)))) (i64.mul (i64.const 17) (i64.extend_i32_s (local.get 16)))) (i64.mul (i64.const 18) (local.get 17))) (i64.mul (i64.const 19) (i64.trunc_f32_s (local.get 18)))) (i64.mul (i64.const 20) (i64.trunc_f64_s (local.get 19)))))
  (func (export "call20") (result i64) (call $f20 (i32.const 10) (i64.const -101) (f32.const 2.5) (f64.const -3.25) (i32.const 14) (i64.const -105) (f32.const 6.5) (f64.const -7.25) (i32.const 18) (i64.const -109) (f32.const 10.5) (f64.const -11.25) (i32.const 22) (i64.const -113) (f32.const 14.5) (f64.const -15.25) (i32.const 26) (i64.const -117) (f32.const 18.5) (f64.const -19.25)))
  (export "f20" (func $f20)))
;; ASSERT call0 => 0
;; ASSERT f0 => 0
;; ASSERT call1 => 10
;; ASSERT f1 3 => 3
;; ASSERT call2 => -192
;; ASSERT f2 3 -1099511627777 => -2199023255551
;; ASSERT call3 => -186
;; ASSERT f3 3 -1099511627777 2.5 => -2199023255545
;; ASSERT call4 => -198
;; ASSERT f4 3 -1099511627777 2.5 -3.75 => -2199023255557
;; ASSERT call5 => -128
;; ASSERT f5 3 -1099511627777 2.5 -3.75 7 => -2199023255522
;; ASSERT call7 => -716
;; ASSERT f7 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 => -8796093022166
;; ASSERT call8 => -772
;; ASSERT f8 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 -7.75 => -8796093022222
;; ASSERT call9 => -610
;; ASSERT f9 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 -7.75 11 => -8796093022123
;; ASSERT call11 => -1590
;; ASSERT f11 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 -7.75 11 -1099511627785 10.5 => -19791209299863
;; ASSERT call12 => -1722
;; ASSERT f12 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 -7.75 11 -1099511627785 10.5 -11.75 => -19791209299995
;; ASSERT call13 => -1436
;; ASSERT f13 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 -7.75 11 -1099511627785 10.5 -11.75 15 => -19791209299800
;; ASSERT call16 => -3048
;; ASSERT f16 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 -7.75 11 -1099511627785 10.5 -11.75 15 -1099511627789 14.5 -15.75 => -35184372088876
;; ASSERT call17 => -2606
;; ASSERT f17 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 -7.75 11 -1099511627785 10.5 -11.75 15 -1099511627789 14.5 -15.75 19 => -35184372088553
;; ASSERT call20 => -4750
;; ASSERT f20 3 -1099511627777 2.5 -3.75 7 -1099511627781 6.5 -7.75 11 -1099511627785 10.5 -11.75 15 -1099511627789 14.5 -15.75 19 -1099511627793 18.5 -19.75 => -54975581388865
