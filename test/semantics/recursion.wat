;; Deep recursion works far beyond a thread's usual stack, and endless recursion is a trap, not a crash.
;; RUN: %check-wat %s
(module (memory 1)
  (func $sum (export "sum") (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 0)) (else (i64.add (local.get 0) (call $sum (i64.sub (local.get 0) (i64.const 1)))))))
  (func $even (param i32) (result i32) (if (result i32) (local.get 0) (then (call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
  (func $odd (param i32) (result i32) (if (result i32) (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
  (func (export "even") (param i32) (result i32) (call $even (local.get 0)))
  (func $forever (export "forever") (param i32) (result i32) (i32.add (i32.const 1) (call $forever (i32.load (i32.const 0))))))
;; ASSERT sum 100000 => 5000050000
;; ASSERT even 100001 => 0
;; ASSERT forever 0 => trap: call stack exhausted
