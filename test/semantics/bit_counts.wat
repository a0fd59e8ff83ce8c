;; clz, ctz, popcnt and eqz at zero, at the ends and in between.
;; RUN: %check-wat %s
(module
  (func (export "clz") (param i32) (result i32) (i32.clz (local.get 0)))
  (func (export "ctz") (param i32) (result i32) (i32.ctz (local.get 0)))
  (func (export "popcnt") (param i32) (result i32) (i32.popcnt (local.get 0)))
  (func (export "eqz") (param i32) (result i32) (i32.eqz (local.get 0)))
  (func (export "clz64") (param i64) (result i64) (i64.clz (local.get 0)))
  (func (export "ctz64") (param i64) (result i64) (i64.ctz (local.get 0)))
  (func (export "popcnt64") (param i64) (result i64) (i64.popcnt (local.get 0)))
  (func (export "eqz64") (param i64) (result i32) (i64.eqz (local.get 0))))
;; ASSERT clz 0 => 32
;; ASSERT clz 1 => 31
;; ASSERT clz -1 => 0
;; ASSERT ctz 0 => 32
;; ASSERT ctz 0x80000000 => 31
;; ASSERT ctz 1 => 0
;; ASSERT popcnt 0 => 0
;; ASSERT popcnt -1 => 32
;; ASSERT popcnt 0xaaaaaaaa => 16
;; ASSERT eqz 0 => 1
;; ASSERT eqz 0x80000000 => 0
;; ASSERT clz64 0 => 64
;; ASSERT clz64 0x0000000100000000 => 31
;; ASSERT ctz64 0 => 64
;; ASSERT ctz64 0x0000000100000000 => 32
;; ASSERT popcnt64 -1 => 64
;; ASSERT popcnt64 0x123456789abcdef0 => 32
;; ASSERT eqz64 0x0000000100000000 => 0
;; ASSERT eqz64 0 => 1
