;; 32-bit floats: rounding to single precision, signed zeros, infinities; operators on the sign touch nothing else.
;; RUN: %check-wat %s
(module
  (func (export "add") (param f32 f32) (result f32) (f32.add (local.get 0) (local.get 1)))
  (func (export "sub") (param f32 f32) (result f32) (f32.sub (local.get 0) (local.get 1)))
  (func (export "mul") (param f32 f32) (result f32) (f32.mul (local.get 0) (local.get 1)))
  (func (export "div") (param f32 f32) (result f32) (f32.div (local.get 0) (local.get 1)))
  (func (export "sqrt") (param f32) (result f32) (f32.sqrt (local.get 0)))
  (func (export "neg") (param i32) (result i32) (i32.reinterpret_f32 (f32.neg (f32.reinterpret_i32 (local.get 0)))))
  (func (export "abs") (param i32) (result i32) (i32.reinterpret_f32 (f32.abs (f32.reinterpret_i32 (local.get 0)))))
  (func (export "copysign") (param i32 i32) (result i32)
    (i32.reinterpret_f32 (f32.copysign (f32.reinterpret_i32 (local.get 0)) (f32.reinterpret_i32 (local.get 1))))))
;; ASSERT add 16777216 1 => 16777216
;; ASSERT add -0 -0 => -0
;; ASSERT add inf -inf => nan
;; ASSERT sub 0 0 => 0
;; ASSERT mul 1e30 1e30 => inf
;; ASSERT mul -0 5 => -0
;; ASSERT div 1 0 => inf
;; ASSERT div 1 -0 => -inf
;; ASSERT div 0 0 => nan
;; ASSERT div 1 3 => 0.333333343
;; ASSERT sqrt 2 => 1.41421354
;; ASSERT sqrt -1 => nan
;; ASSERT sqrt -0 => -0
;; ASSERT neg 0x7fa00001 => 0xffa00001
;; ASSERT abs 0xffa00001 => 0x7fa00001
;; ASSERT copysign 0x7fa00001 0x80000000 => 0xffa00001
;; ASSERT copysign 0xbf800000 0 => 0x3f800000
