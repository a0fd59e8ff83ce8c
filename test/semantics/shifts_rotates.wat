;; Shift and rotate counts are taken modulo the width.
;; RUN: %check-wat %s
(module
  (func (export "shl") (param i32 i32) (result i32) (i32.shl (local.get 0) (local.get 1)))
  (func (export "shr_s") (param i32 i32) (result i32) (i32.shr_s (local.get 0) (local.get 1)))
  (func (export "shr_u") (param i32 i32) (result i32) (i32.shr_u (local.get 0) (local.get 1)))
  (func (export "rotl") (param i32 i32) (result i32) (i32.rotl (local.get 0) (local.get 1)))
  (func (export "rotr") (param i32 i32) (result i32) (i32.rotr (local.get 0) (local.get 1)))
  (func (export "shl64") (param i64 i64) (result i64) (i64.shl (local.get 0) (local.get 1)))
  (func (export "shr_s64") (param i64 i64) (result i64) (i64.shr_s (local.get 0) (local.get 1)))
  (func (export "shr_u64") (param i64 i64) (result i64) (i64.shr_u (local.get 0) (local.get 1)))
  (func (export "rotl64") (param i64 i64) (result i64) (i64.rotl (local.get 0) (local.get 1)))
  (func (export "rotr64") (param i64 i64) (result i64) (i64.rotr (local.get 0) (local.get 1))))
;; ASSERT shl 1 31 => 0x80000000
;; ASSERT shl 1 32 => 1
;; ASSERT shl 3 33 => 6
;; ASSERT shr_s -8 1 => -4
;; ASSERT shr_s -8 33 => -4
;; ASSERT shr_s 0x80000000 31 => -1
;; ASSERT shr_u -8 1 => 0x7ffffffc
;; ASSERT shr_u -1 32 => -1
;; ASSERT rotl 0xabcd9876 4 => 0xbcd9876a
;; ASSERT rotl 0xabcd9876 36 => 0xbcd9876a
;; ASSERT rotr 0xabcd9876 0 => 0xabcd9876
;; ASSERT rotr 0xabcd9876 4 => 0x6abcd987
;; ASSERT shl64 1 63 => 0x8000000000000000
;; ASSERT shl64 1 64 => 1
;; ASSERT shr_s64 -8 65 => -4
;; ASSERT shr_u64 -1 63 => 1
;; ASSERT rotl64 0xabcd987602468ace 68 => 0xbcd987602468acea
;; ASSERT rotr64 0xabcd987602468ace 4 => 0xeabcd987602468ac
