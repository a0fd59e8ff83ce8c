;; Globals of every type, mutable and not, initialised by constants and by one another.
;; RUN: %check-wat %s
(module
  (global $a i32 (i32.const 7)) (global $b (mut i64) (i64.const -8)) (global $c (mut f32) (f32.const 1.5)) (global $d (mut f64) (f64.const -2.5))
  (global $e (export "e") (mut i32) (i32.const 9)) (global $many (mut i32) (i32.const 0))
  (func $bump (global.set $b (i64.add (global.get $b) (i64.const 1))) (global.set $e (i32.mul (global.get $e) (i32.const 2))))
  (func (export "read") (result i32 i64 f32 f64 i32) (global.get $a) (global.get $b) (global.get $c) (global.get $d) (global.get $e))
  (func (export "write") (result i64 i32) (call $bump) (call $bump) (global.get $b) (global.get $e))
  (func (export "floats") (param f32 f64) (result f32 f64) (global.set $c (local.get 0)) (global.set $d (local.get 1)) (call $bump) (global.get $c) (global.get $d))
  (func (export "loop") (param i32) (result i32)
    (loop (global.set $many (i32.add (global.get $many) (local.get 0))) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (global.get $many)))
;; ASSERT read => 7 -8 1.5 -2.5 9
;; ASSERT write => -6 36
;; ASSERT floats 3.25 -0 => 3.25 -0
;; ASSERT loop 100 => 5050
