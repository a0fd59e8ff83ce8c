;; The last bytes of memory can be used, the first after them trap: also far out, with offsets, and when memory is empty.
;; RUN: %check-wat %s
(module (memory 1 3)
  (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "load32") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "load64") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "far") (param i32) (result i32) (i32.load offset=0xffffffff (local.get 0)))
  (func (export "near") (param i32) (result i32) (i32.load8_u offset=65535 (local.get 0)))
  (func (export "store8") (param i32) (i32.store8 (local.get 0) (i32.const 1)))
  (func (export "store64") (param i32) (i64.store (local.get 0) (i64.const 1)))
  (func (export "after_grow") (param i32) (result i32) (drop (memory.grow (i32.const 1))) (i32.load8_u (local.get 0))))
;; ASSERT load8 65535 => 0
;; ASSERT load8 65536 => trap: out of bounds memory access
;; ASSERT load8 -1 => trap: out of bounds memory access
;; ASSERT load32 65532 => 0
;; ASSERT load32 65533 => trap: out of bounds memory access
;; ASSERT load64 65528 => 0
;; ASSERT load64 65529 => trap: out of bounds memory access
;; ASSERT far 0 => trap: out of bounds memory access
;; ASSERT far -1 => trap: out of bounds memory access
;; ASSERT near 0 => 0
;; ASSERT near 1 => trap: out of bounds memory access
;; ASSERT store8 65535 =>
;; ASSERT store8 65536 => trap: out of bounds memory access
;; ASSERT store64 65528 =>
;; ASSERT store64 65529 => trap: out of bounds memory access
;; ASSERT after_grow 131071 => 0
;; ASSERT after_grow 131072 => trap: out of bounds memory access
