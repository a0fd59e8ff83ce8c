;; Moves, loads, stores, selects and calls keep every bit of a NaN, signalling ones too.
;; RUN: %check-wat %s
(module (memory 1)
  (func $same32 (param f32) (result f32) (local.get 0))
  (func $same64 (param f64) (result f64) (local.get 0))
  (func (export "f32") (param i32) (result i32) (i32.reinterpret_f32 (call $same32 (f32.reinterpret_i32 (local.get 0)))))
  (func (export "f64") (param i64) (result i64) (i64.reinterpret_f64 (call $same64 (f64.reinterpret_i64 (local.get 0)))))
  (func (export "memory") (param i32) (result i32)
    (f32.store (i32.const 8) (f32.reinterpret_i32 (local.get 0))) (i32.load (i32.const 8)))
  (func (export "load") (param i64) (result i64)
    (i64.store (i32.const 8) (local.get 0)) (i64.reinterpret_f64 (f64.load (i32.const 8))))
  (func (export "select") (param i32 i32) (result i32)
    (i32.reinterpret_f32 (select (f32.reinterpret_i32 (local.get 0)) (f32.const 0) (local.get 1))))
  (func (export "constant") (result i32) (i32.reinterpret_f32 (f32.const nan:0x200001))))
;; ASSERT f32 0x7fa00001 => 0x7fa00001
;; ASSERT f32 0xffffffff => 0xffffffff
;; ASSERT f64 0x7ff4000000000001 => 0x7ff4000000000001
;; ASSERT memory 0x7fa00001 => 0x7fa00001
;; ASSERT load 0xfff4000000000002 => 0xfff4000000000002
;; ASSERT select 0x7fa00001 1 => 0x7fa00001
;; ASSERT constant => 0x7fa00001
