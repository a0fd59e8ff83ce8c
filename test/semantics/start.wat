;; The start function runs once, after data and element segments, before any call.
;; RUN: %check-wat %s
(module (memory 1) (data (i32.const 0) "\05") (global $ran (mut i32) (i32.const 0))
  (func $start (global.set $ran (i32.add (global.get $ran) (i32.const 1))) (i32.store8 (i32.const 0) (i32.mul (i32.load8_u (i32.const 0)) (i32.const 10))))
  (start $start)
  (func (export "ran") (result i32 i32) (global.get $ran) (i32.load8_u (i32.const 0))))
;; ASSERT ran => 1 50
