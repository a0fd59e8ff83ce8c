;; 32-bit integer arithmetic wraps, and division and remainder follow the sign rules of the specification.
;; RUN: %check-wat %s
(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "sub") (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))
  (func (export "mul") (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1)))
  (func (export "div_s") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "div_u") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func (export "rem_s") (param i32 i32) (result i32) (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "rem_u") (param i32 i32) (result i32) (i32.rem_u (local.get 0) (local.get 1))))
;; ASSERT add 0x7fffffff 1 => 0x80000000
;; ASSERT sub 0x80000000 1 => 0x7fffffff
;; ASSERT mul 0x10001 0x10001 => 0x20001
;; ASSERT div_s 7 -2 => -3
;; ASSERT div_s -7 2 => -3
;; ASSERT div_s 0x80000000 2 => 0xc0000000
;; ASSERT div_u 0x80000000 -1 => 0
;; ASSERT div_u -1 2 => 0x7fffffff
;; ASSERT rem_s 7 -2 => 1
;; ASSERT rem_s -7 2 => -1
;; ASSERT rem_s 0x80000000 -1 => 0
;; ASSERT rem_u -7 2 => 1
;; ASSERT rem_u 5 -1 => 5
