;; 64-bit integer arithmetic wraps, and division and remainder follow the sign rules of the specification.
;; RUN: %check-wat %s
(module
  (func (export "add") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
  (func (export "sub") (param i64 i64) (result i64) (i64.sub (local.get 0) (local.get 1)))
  (func (export "mul") (param i64 i64) (result i64) (i64.mul (local.get 0) (local.get 1)))
  (func (export "div_s") (param i64 i64) (result i64) (i64.div_s (local.get 0) (local.get 1)))
  (func (export "div_u") (param i64 i64) (result i64) (i64.div_u (local.get 0) (local.get 1)))
  (func (export "rem_s") (param i64 i64) (result i64) (i64.rem_s (local.get 0) (local.get 1)))
  (func (export "rem_u") (param i64 i64) (result i64) (i64.rem_u (local.get 0) (local.get 1))))
;; ASSERT add 0x7fffffffffffffff 1 => 0x8000000000000000
;; ASSERT sub 0x8000000000000000 1 => 0x7fffffffffffffff
;; ASSERT mul 0x100000001 0x100000001 => 0x200000001
;; ASSERT div_s 7 -2 => -3
;; ASSERT div_s 0x8000000000000000 2 => 0xc000000000000000
;; ASSERT div_u 0x8000000000000000 -1 => 0
;; ASSERT div_u -1 10 => 0x1999999999999999
;; ASSERT rem_s -7 2 => -1
;; ASSERT rem_s 0x8000000000000000 -1 => 0
;; ASSERT rem_u -1 10 => 5
