;; Without a maximum a memory grows to 4 GiB and no further, and its last byte works.
;; RUN: %check-wat %s
(module (memory 0)
  (func (export "empty") (result i32) (i32.load8_u (i32.const 0)))
  (func (export "all") (result i32) (memory.grow (i32.const 65536)))
  (func (export "more") (result i32) (memory.grow (i32.const 65537)))
  (func (export "last") (result i32) (drop (memory.grow (i32.const 65536))) (i32.store8 (i32.const -1) (i32.const 5)) (i32.load8_u (i32.const -1)))
  (func (export "beyond") (drop (memory.grow (i32.const 65536))) (i32.store16 (i32.const -1) (i32.const 5))))
;; ASSERT empty => trap: out of bounds memory access
;; ASSERT all => 0
;; ASSERT more => -1
;; ASSERT last => 5
;; ASSERT beyond => trap: out of bounds memory access
