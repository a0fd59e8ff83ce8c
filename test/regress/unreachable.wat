;; LLVM encodes trap code 0 in a shorter instruction than the others; `unreachable` died of SIGILL. Also in the middle of a
;; function, where other trap codes stand beside it.
;; RUN: %check-wat %s
(module
  (func (export "at_once") (unreachable))
  (func (export "beside") (param i32 i32) (result i32)
    (if (i32.eq (local.get 0) (i32.const 7)) (then (unreachable))) (i32.div_u (local.get 0) (local.get 1))))
;; ASSERT at_once => trap: unreachable
;; ASSERT beside 7 1 => trap: unreachable
;; ASSERT beside 8 0 => trap: integer divide by zero
;; ASSERT beside 8 2 => 4
