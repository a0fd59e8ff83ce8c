;; Calls with 0 to 20 integer parameters: those past the registers arrive too, and the base survives.
;; RUN: %check-wat %s
(module
  (type $t0 (func (result i64)))
  (func $f0 (type $t0) (i64.const 0))
  (func (export "call0") (result i64) (call $f0 ))
  (export "f0" (func $f0))
  (type $t1 (func (param i64) (result i64)))
  (func $f1 (type $t1) (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))))
  (func (export "call1") (result i64) (call $f1 (i64.const -100)))
  (export "f1" (func $f1))
  (type $t2 (func (param i64 i32) (result i64)))
  (func $f2 (type $t2) (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))))
  (func (export "call2") (result i64) (call $f2 (i64.const -100) (i32.const 11)))
  (export "f2" (func $f2))
  (type $t3 (func (param i64 i32 i64) (result i64)))
  (func $f3 (type $t3) (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))))
  (func (export "call3") (result i64) (call $f3 (i64.const -100) (i32.const 11) (i64.const -102)))
  (export "f3" (func $f3))
  (type $t4 (func (param i64 i32 i64 i32) (result i64)))
  (func $f4 (type $t4) (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))))
  (func (export "call4") (result i64) (call $f4 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13)))
  (export "f4" (func $f4))
  (type $t5 (func (param i64 i32 i64 i32 i64) (result i64)))
  (func $f5 (type $t5) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))))
  (func (export "call5") (result i64) (call $f5 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104)))
  (export "f5" (func $f5))
  (type $t6 (func (param i64 i32 i64 i32 i64 i32) (result i64)))
  (func $f6 (type $t6) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))))
  (func (export "call6") (result i64) (call $f6 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15)))
  (export "f6" (func $f6))
  (type $t7 (func (param i64 i32 i64 i32 i64 i32 i64) (result i64)))
  (func $f7 (type $t7) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))))
  (func (export "call7") (result i64) (call $f7 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106)))
  (export "f7" (func $f7))
  (type $t8 (func (param i64 i32 i64 i32 i64 i32 i64 i32) (result i64)))
  (func $f8 (type $t8) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))))
  (func (export "call8") (result i64) (call $f8 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17)))
  (export "f8" (func $f8))
  (type $t9 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64) (result i64)))
  (func $f9 (type $t9) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))))
  (func (export "call9") (result i64) (call $f9 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108)))
  (export "f9" (func $f9))
  (type $t10 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32) (result i64)))
  (func $f10 (type $t10) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))))
  (func (export "call10") (result i64) (call $f10 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19)))
  (export "f10" (func $f10))
  (type $t11 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64) (result i64)))
  (func $f11 (type $t11) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))))
  (func (export "call11") (result i64) (call $f11 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110)))
  (export "f11" (func $f11))
  (type $t12 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32) (result i64)))
  (func $f12 (type $t12) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))))
  (func (export "call12") (result i64) (call $f12 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21)))
  (export "f12" (func $f12))
  (type $t13 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64) (result i64)))
  (func $f13 (type $t13) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))) (i64.mul (i64.const 13) (local.get 12))))
  (func (export "call13") (result i64) (call $f13 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21) (i64.const -112)))
  (export "f13" (func $f13))
  (type $t14 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32) (result i64)))
  (func $f14 (type $t14) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))) (i64.mul (i64.const 13) (local.get 12))) (i64.mul (i64.const 14) (i64.extend_i32_s (local.get 13)))))
  (func (export "call14") (result i64) (call $f14 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21) (i64.const -112) (i32.const 23)))
  (export "f14" (func $f14))
  (type $t15 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64) (result i64)))
  (func $f15 (type $t15) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))) (i64.mul (i64.const 13) (local.get 12))) (i64.mul (i64.const 14) (i64.extend_i32_s (local.get 13)))) (i64.mul (i64.const 15) (local.get 14))))
  (func (export "call15") (result i64) (call $f15 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21) (i64.const -112) (i32.const 23) (i64.const -114)))
  (export "f15" (func $f15))
  (type $t16 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32) (result i64)))
  (func $f16 (type $t16) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))) (i64.mul (i64.const 13) (local.get 12))) (i64.mul (i64.const 14) (i64.extend_i32_s (local.get 13)))) (i64.mul (i64.const 15) (local.get 14))) (i64.mul (i64.const 16) (i64.extend_i32_s (local.get 15)))))
  (func (export "call16") (result i64) (call $f16 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21) (i64.const -112) (i32.const 23) (i64.const -114) (i32.const 25)))
  (export "f16" (func $f16))
  (type $t17 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64) (result i64)))
  (func $f17 (type $t17) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))) (i64.mul (i64.const 13) (local.get 12))) (i64.mul (i64.const 14) (i64.extend_i32_s (local.get 13)))) (i64.mul (i64.const 15) (local.get 14))) (i64.mul (i64.const 16) (i64.extend_i32_s (local.get 15)))) (i64.mul (i64.const 17) (local.get 16))))
  (func (export "call17") (result i64) (call $f17 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21) (i64.const -112) (i32.const 23) (i64.const -114) (i32.const 25) (i64.const -116)))
  (export "f17" (func $f17))
  (type $t18 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32) (result i64)))
  (func $f18 (type $t18) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))) (i64.mul (i64.const 13) (local.get 12))) (i64.mul (i64.const 14) (i64.extend_i32_s (local.get 13)))) (i64.mul (i64.const 15) (local.get 14))) (i64.mul (i64.const 16) (i64.extend_i32_s (local.get 15)))) (i64.mul (i64.const 17) (local.get 16))) (i64.mul (i64.const 18) (i64.extend_i32_s (local.get 17)))))
  (func (export "call18") (result i64) (call $f18 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21) (i64.const -112) (i32.const 23) (i64.const -114) (i32.const 25) (i64.const -116) (i32.const 27)))
  (export "f18" (func $f18))
  (type $t19 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64) (result i64)))
  (func $f19 (type $t19) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))) (i64.mul (i64.const 13) (local.get 12))) (i64.mul (i64.const 14) (i64.extend_i32_s (local.get 13)))) (i64.mul (i64.const 15) (local.get 14))) (i64.mul (i64.const 16) (i64.extend_i32_s (local.get 15)))) (i64.mul (i64.const 17) (local.get 16))) (i64.mul (i64.const 18) (i64.extend_i32_s (local.get 17)))) (i64.mul (i64.const 19) (local.get 18))))
  (func (export "call19") (result i64) (call $f19 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21) (i64.const -112) (i32.const 23) (i64.const -114) (i32.const 25) (i64.const -116) (i32.const 27) (i64.const -118)))
  (export "f19" (func $f19))
  (type $t20 (func (param i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32 i64 i32) (result i64)))
  (func $f20 (type $t20) (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.const 0) (i64.mul (i64.const 1) (local.get 0))) (i64.mul (i64.const 2) (i64.extend_i32_s (local.get 1)))) (i64.mul (i64.const 3) (local.get 2))) (i64.mul (i64.const 4) (i64.extend_i32_s (local.get 3)))) (i64.mul (i64.const 5) (local.get 4))) (i64.mul (i64.const 6) (i64.extend_i32_s (local.get 5)))) (i64.mul (i64.const 7) (local.get 6))) (i64.mul (i64.const 8) (i64.extend_i32_s (local.get 7)))) (i64.mul (i64.const 9) (local.get 8))) (i64.mul (i64.const 10) (i64.extend_i32_s (local.get 9)))) (i64.mul (i64.const 11) (local.get 10))) (i64.mul (i64.const 12) (i64.extend_i32_s (local.get 11)))) (i64.mul (i64.const 13) (local.get 12))) (i64.mul (i64.const 14) (i64.extend_i32_s (local.get 13)))) (i64.mul (i64.const 15) (local.get 14))) (i64.mul (i64.const 16) (i64.extend_i32_s (local.get 15)))) (i64.mul (i64.const 17) (local.get 16))) (i64.mul (i64.const 18) (i64.extend_i32_s (local.get 17)))) (i64.mul (i64.const 19) (local.get 18))) (i64.mul (i64.const 20) (i64.extend_i32_s (local.get 19)))))
  (func (export "call20") (result i64) (call $f20 (i64.const -100) (i32.const 11) (i64.const -102) (i32.const 13) (i64.const -104) (i32.const 15) (i64.const -106) (i32.const 17) (i64.const -108) (i32.const 19) (i64.const -110) (i32.const 21) (i64.const -112) (i32.const 23) (i64.const -114) (i32.const 25) (i64.const -116) (i32.const 27) (i64.const -118) (i32.const 29)))
  (export "f20" (func $f20)))
;; ASSERT call0 => 0
;; ASSERT f0 => 0
;; ASSERT call1 => -100
;; ASSERT f1 -1099511627776 => -1099511627776
;; ASSERT call2 => -78
;; ASSERT f2 -1099511627776 4 => -1099511627768
;; ASSERT call3 => -384
;; ASSERT f3 -1099511627776 4 -1099511627778 => -4398046511102
;; ASSERT call4 => -332
;; ASSERT f4 -1099511627776 4 -1099511627778 6 => -4398046511078
;; ASSERT call5 => -852
;; ASSERT f5 -1099511627776 4 -1099511627778 6 -1099511627780 => -9895604649978
;; ASSERT call6 => -762
;; ASSERT f6 -1099511627776 4 -1099511627778 6 -1099511627780 8 => -9895604649930
;; ASSERT call7 => -1504
;; ASSERT f7 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 => -17592186044404
;; ASSERT call8 => -1368
;; ASSERT f8 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 => -17592186044324
;; ASSERT call9 => -2340
;; ASSERT f9 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 => -27487790694380
;; ASSERT call10 => -2150
;; ASSERT f10 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 => -27487790694260
;; ASSERT call11 => -3360
;; ASSERT f11 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 => -39582418599906
;; ASSERT call12 => -3108
;; ASSERT f12 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 => -39582418599738
;; ASSERT call13 => -4564
;; ASSERT f13 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 -1099511627788 => -53876069760982
;; ASSERT call14 => -4242
;; ASSERT f14 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 -1099511627788 16 => -53876069760758
;; ASSERT call15 => -5952
;; ASSERT f15 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 -1099511627788 16 -1099511627790 => -70368744177608
;; ASSERT call16 => -5552
;; ASSERT f16 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 -1099511627788 16 -1099511627790 18 => -70368744177320
;; ASSERT call17 => -7524
;; ASSERT f17 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 -1099511627788 16 -1099511627790 18 -1099511627792 => -89060441849784
;; ASSERT call18 => -7038
;; ASSERT f18 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 -1099511627788 16 -1099511627790 18 -1099511627792 20 => -89060441849424
;; ASSERT call19 => -9280
;; ASSERT f19 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 -1099511627788 16 -1099511627790 18 -1099511627792 20 -1099511627794 => -109951162777510
;; ASSERT call20 => -8700
;; ASSERT f20 -1099511627776 4 -1099511627778 6 -1099511627780 8 -1099511627782 10 -1099511627784 12 -1099511627786 14 -1099511627788 16 -1099511627790 18 -1099511627792 20 -1099511627794 22 => -109951162777070
