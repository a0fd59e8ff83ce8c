;; Arithmetic makes a signalling NaN quiet, also where it does nothing else: with 1, -1 or 0 as an operand, however that got
;; there, and from f32 to f64 and back.
;; RUN: %check-wat %s
(module
  (func $f32 (param f32) (result i32) (i32.and (i32.reinterpret_f32 (local.get 0)) (i32.const 0x7fc00000)))
  (func $f64 (param f64) (result i64) (i64.and (i64.reinterpret_f64 (local.get 0)) (i64.const 0x7ff8000000000000)))
  (func (export "mul1") (param i32) (result i32) (call $f32 (f32.mul (f32.reinterpret_i32 (local.get 0)) (f32.const 1))))
  (func (export "1mul") (param i32) (result i32) (call $f32 (f32.mul (f32.const 1) (f32.reinterpret_i32 (local.get 0)))))
  (func (export "mulm1") (param i32) (result i32) (call $f32 (f32.mul (f32.reinterpret_i32 (local.get 0)) (f32.const -1))))
  (func (export "div1") (param i32) (result i32) (call $f32 (f32.div (f32.reinterpret_i32 (local.get 0)) (f32.const 1))))
  (func (export "divm1") (param i32) (result i32) (call $f32 (f32.div (f32.reinterpret_i32 (local.get 0)) (f32.const -1))))
  (func (export "sub0") (param i32) (result i32) (call $f32 (f32.sub (f32.reinterpret_i32 (local.get 0)) (f32.const 0))))
  (func (export "subm0") (param i32) (result i32) (call $f32 (f32.sub (f32.reinterpret_i32 (local.get 0)) (f32.const -0))))
  (func (export "m0sub") (param i32) (result i32) (call $f32 (f32.sub (f32.const -0) (f32.reinterpret_i32 (local.get 0)))))
  (func (export "add0") (param i32) (result i32) (call $f32 (f32.add (f32.reinterpret_i32 (local.get 0)) (f32.const 0))))
  (func (export "addm0") (param i32) (result i32) (call $f32 (f32.add (f32.const -0) (f32.reinterpret_i32 (local.get 0)))))
  (func (export "there_and_back") (param i32) (result i32)
    (call $f32 (f32.demote_f64 (f64.promote_f32 (f32.reinterpret_i32 (local.get 0))))))
  (func (export "promote") (param i32) (result i64) (call $f64 (f64.promote_f32 (f32.reinterpret_i32 (local.get 0)))))
  (func (export "f64mul1") (param i64) (result i64) (call $f64 (f64.mul (f64.reinterpret_i64 (local.get 0)) (f64.const 1))))
  (func (export "f64divm1") (param i64) (result i64) (call $f64 (f64.div (f64.reinterpret_i64 (local.get 0)) (f64.const -1))))
  (func (export "f64sub0") (param i64) (result i64) (call $f64 (f64.sub (f64.reinterpret_i64 (local.get 0)) (f64.const 0))))
  (func (export "demote") (param i64) (result i32) (call $f32 (f32.demote_f64 (f64.reinterpret_i64 (local.get 0)))))
  ;; The number comes from one of two places, from a local, from a loop.
  (func (export "chosen") (param i32 i32) (result i32)
    (call $f32 (f32.mul (f32.reinterpret_i32 (local.get 0)) (select (f32.const 1) (f32.const 2) (local.get 1)))))
  (func (export "branched") (param i32 i32) (result i32) (local f32)
    (if (local.get 1) (then (local.set 2 (f32.const 1))) (else (local.set 2 (f32.const -1))))
    (call $f32 (f32.div (f32.reinterpret_i32 (local.get 0)) (local.get 2))))
  (func (export "looped") (param i32 i32) (result i32) (local f32)
    (local.set 2 (f32.const 1))
    (loop (local.set 2 (f32.mul (local.get 2) (f32.const 1)))
      (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
    (call $f32 (f32.mul (f32.reinterpret_i32 (local.get 0)) (local.get 2)))))
;; ASSERT mul1 0x7fa00000 => 0x7fc00000
;; ASSERT 1mul 0x7fa00000 => 0x7fc00000
;; ASSERT mulm1 0x7fa00000 => 0x7fc00000
;; ASSERT div1 0x7fa00000 => 0x7fc00000
;; ASSERT divm1 0x7fa00000 => 0x7fc00000
;; ASSERT sub0 0x7fa00000 => 0x7fc00000
;; ASSERT subm0 0x7fa00000 => 0x7fc00000
;; ASSERT m0sub 0x7fa00000 => 0x7fc00000
;; ASSERT add0 0xffa00001 => 0x7fc00000
;; ASSERT addm0 0x7fa00000 => 0x7fc00000
;; ASSERT there_and_back 0x7fa00000 => 0x7fc00000
;; ASSERT promote 0x7fa00000 => 0x7ff8000000000000
;; ASSERT f64mul1 0x7ff4000000000001 => 0x7ff8000000000000
;; ASSERT f64divm1 0xfff0000000000001 => 0x7ff8000000000000
;; ASSERT f64sub0 0x7ff4000000000000 => 0x7ff8000000000000
;; ASSERT demote 0x7ff4000000000000 => 0x7fc00000
;; ASSERT chosen 0x7fa00000 1 => 0x7fc00000
;; ASSERT chosen 0x7fa00000 0 => 0x7fc00000
;; ASSERT branched 0x7fa00000 1 => 0x7fc00000
;; ASSERT branched 0x7fa00000 0 => 0x7fc00000
;; ASSERT looped 0x7fa00000 3 => 0x7fc00000
