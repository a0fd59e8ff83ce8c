;; 64-bit floats: signed zeros, infinities, no fused multiply-add; operators on the sign touch nothing else.
;; RUN: %check-wat %s
(module
  (func (export "add") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
  (func (export "sub") (param f64 f64) (result f64) (f64.sub (local.get 0) (local.get 1)))
  (func (export "mul") (param f64 f64) (result f64) (f64.mul (local.get 0) (local.get 1)))
  (func (export "div") (param f64 f64) (result f64) (f64.div (local.get 0) (local.get 1)))
  (func (export "sqrt") (param f64) (result f64) (f64.sqrt (local.get 0)))
  (func (export "mul_add") (param f64 f64 f64) (result f64) (f64.add (f64.mul (local.get 0) (local.get 1)) (local.get 2)))
  (func (export "neg") (param i64) (result i64) (i64.reinterpret_f64 (f64.neg (f64.reinterpret_i64 (local.get 0)))))
  (func (export "abs") (param i64) (result i64) (i64.reinterpret_f64 (f64.abs (f64.reinterpret_i64 (local.get 0)))))
  (func (export "copysign") (param i64 i64) (result i64)
    (i64.reinterpret_f64 (f64.copysign (f64.reinterpret_i64 (local.get 0)) (f64.reinterpret_i64 (local.get 1))))))
;; ASSERT add 0.1 0.2 => 0.30000000000000004
;; ASSERT add inf -inf => nan
;; ASSERT sub -0 0 => -0
;; ASSERT mul 1e300 1e300 => inf
;; ASSERT div 1 3 => 0.33333333333333331
;; ASSERT div -1 0 => -inf
;; ASSERT sqrt 2 => 1.4142135623730951
;; ASSERT mul_add 1.0000000000000002 1.0000000000000002 -1.0000000000000004 => 0
;; ASSERT neg 0x7ff4000000000001 => 0xfff4000000000001
;; ASSERT abs 0xfff4000000000001 => 0x7ff4000000000001
;; ASSERT copysign 0x3ff0000000000000 0x8000000000000000 => 0xbff0000000000000
