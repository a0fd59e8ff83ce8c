;; Every load and store width, little-endian, sign- and zero-extended, with and without an offset, unaligned too.
;; RUN: %check-wat %s
(module (memory 1) (data (i32.const 16) "\f1\f2\f3\f4\f5\f6\f7\f8\01\02\03\04")
  (func (export "i32") (param i32) (result i32 i32 i32 i32 i32)
    (i32.load (local.get 0)) (i32.load8_s (local.get 0)) (i32.load8_u (local.get 0)) (i32.load16_s (local.get 0)) (i32.load16_u (local.get 0)))
  (func (export "i64") (param i32) (result i64 i64 i64 i64 i64 i64 i64)
    (i64.load offset=4 (local.get 0)) (i64.load8_s offset=4 (local.get 0)) (i64.load8_u offset=4 (local.get 0))
    (i64.load16_s offset=4 (local.get 0)) (i64.load16_u offset=4 (local.get 0)) (i64.load32_s offset=4 (local.get 0)) (i64.load32_u offset=4 (local.get 0)))
  (func (export "float") (param i32) (result i32 i64)
    (i32.reinterpret_f32 (f32.load (local.get 0))) (i64.reinterpret_f64 (f64.load (local.get 0))))
  (func (export "store8") (param i32) (result i64) (i64.store (i32.const 64) (i64.const -1)) (i32.store8 offset=3 (i32.const 64) (local.get 0)) (i64.load (i32.const 64)))
  (func (export "store16") (param i32) (result i64) (i64.store (i32.const 64) (i64.const -1)) (i32.store16 offset=3 (i32.const 64) (local.get 0)) (i64.load (i32.const 64)))
  (func (export "store32") (param i32) (result i64) (i64.store (i32.const 64) (i64.const -1)) (i32.store offset=3 (i32.const 64) (local.get 0)) (i64.load (i32.const 64)))
  (func (export "store64") (param i64) (result i64 i64) (i64.store (i32.const 61) (local.get 0)) (i64.load (i32.const 61)) (i64.load8_u (i32.const 68)))
  (func (export "store8_64") (param i64) (result i64) (i64.store (i32.const 64) (i64.const -1)) (i64.store8 (i32.const 64) (local.get 0)) (i64.load (i32.const 64)))
  (func (export "store16_64") (param i64) (result i64) (i64.store (i32.const 64) (i64.const -1)) (i64.store16 (i32.const 64) (local.get 0)) (i64.load (i32.const 64)))
  (func (export "store32_64") (param i64) (result i64) (i64.store (i32.const 64) (i64.const -1)) (i64.store32 (i32.const 64) (local.get 0)) (i64.load (i32.const 64))))
;; ASSERT i32 16 => 0xf4f3f2f1 0xfffffff1 0xf1 0xfffff2f1 0xf2f1
;; ASSERT i32 24 => 0x04030201 1 1 0x0201 0x0201
;; ASSERT i32 23 => 0x030201f8 -8 0xf8 0x01f8 0x01f8
;; ASSERT i64 12 => 0xf8f7f6f5f4f3f2f1 -15 0xf1 0xfffffffffffff2f1 0xf2f1 0xfffffffff4f3f2f1 0xf4f3f2f1
;; ASSERT i64 13 => 0x01f8f7f6f5f4f3f2 -14 0xf2 0xfffffffffffff3f2 0xf3f2 0xfffffffff5f4f3f2 0xf5f4f3f2
;; ASSERT float 20 => 0xf8f7f6f5 0x04030201f8f7f6f5
;; ASSERT store8 0x1234 => 0xffffffff34ffffff
;; ASSERT store16 0x123456 => 0xffffff3456ffffff
;; ASSERT store32 0x12345678 => 0xff12345678ffffff
;; ASSERT store64 0x123456789abcdef0 => 0x123456789abcdef0 0x12
;; ASSERT store8_64 0x1234 => 0xffffffffffffff34
;; ASSERT store16_64 0x123456 => 0xffffffffffff3456
;; ASSERT store32_64 0x123456789 => 0xffffffff23456789
