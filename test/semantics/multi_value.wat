;; Functions with up to 20 results of mixed types, called directly and through a table.
;; RUN: %check-wat %s
(module
  (type $many (func (param i32) (result i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64)))
  (table 1 funcref) (elem (i32.const 0) $many)
  (func $many (export "many") (type $many)
    (local.get 0) (i64.const 2) (f32.const 3.5) (f64.const 4.5) (i32.const 5) (i64.const 6) (f32.const 7.5) (f64.const 8.5)
    (i32.const 9) (i64.const 10) (f32.const 11.5) (f64.const 12.5) (i32.const 13) (i64.const 14) (f32.const 15.5) (f64.const 16.5)
    (i32.const 17) (i64.const 18) (f32.const 19.5) (f64.const 20.5))
  (func (export "forward") (type $many) (call $many (i32.add (local.get 0) (i32.const 1))))
  (func (export "indirect") (type $many) (call_indirect (type $many) (local.get 0) (i32.const 0)))
  (func $pair (param i64 f64) (result f64 i64) (local.get 1) (local.get 0))
  (func (export "swap") (param i64 f64) (result f64 i64) (call $pair (local.get 0) (local.get 1)))
  (func (export "last") (param i32) (result f64) (local f64)
    (call $many (local.get 0)) (local.set 1) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop)
    (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (local.get 1)))
;; ASSERT many 1 => 1 2 3.5 4.5 5 6 7.5 8.5 9 10 11.5 12.5 13 14 15.5 16.5 17 18 19.5 20.5
;; ASSERT forward 1 => 2 2 3.5 4.5 5 6 7.5 8.5 9 10 11.5 12.5 13 14 15.5 16.5 17 18 19.5 20.5
;; ASSERT indirect 7 => 7 2 3.5 4.5 5 6 7.5 8.5 9 10 11.5 12.5 13 14 15.5 16.5 17 18 19.5 20.5
;; ASSERT swap 9 2.5 => 2.5 9
;; ASSERT last 1 => 20.5
