;; Locals start at zero and keep their values across calls, also when there are more than registers.
;; RUN: %check-wat %s
(module
  (func $clobber (param i64 i64 i64 i64 i64 i64) (result i64) (i64.mul (i64.add (local.get 0) (local.get 5)) (i64.const 3)))
  (func (export "zero") (result i32 i64 f32 f64) (local i32 i64 f32 f64) (local.get 0) (local.get 1) (local.get 2) (local.get 3))
  (func (export "keep") (param i64 f64) (result i64 f64)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $e i64) (local $f i64) (local $g i64) (local $h i64) (local $x f64) (local $y f64)
    (local.set $a (i64.add (local.get 0) (i64.const 1))) (local.set $b (i64.add (local.get 0) (i64.const 2))) (local.set $c (i64.add (local.get 0) (i64.const 3)))
    (local.set $d (i64.add (local.get 0) (i64.const 4))) (local.set $e (i64.add (local.get 0) (i64.const 5))) (local.set $f (i64.add (local.get 0) (i64.const 6)))
    (local.set $x (f64.mul (local.get 1) (f64.const 2))) (local.set $y (f64.mul (local.get 1) (f64.const 3)))
    (local.set $g (call $clobber (local.get $a) (local.get $b) (local.get $c) (local.get $d) (local.get $e) (local.get $f)))
    (local.set $h (call $clobber (local.get $f) (local.get $e) (local.get $d) (local.get $c) (local.get $b) (local.get $a)))
    (i64.add (i64.add (i64.add (local.get $a) (local.get $b)) (i64.add (local.get $c) (local.get $d))) (i64.add (i64.add (local.get $e) (local.get $f)) (i64.add (local.get $g) (local.get $h))))
    (f64.add (local.get $x) (local.get $y))))
;; ASSERT zero => 0 0 0 0
;; ASSERT keep 10 1.5 => 243 7.5
