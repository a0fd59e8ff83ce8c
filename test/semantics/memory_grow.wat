;; memory.grow returns the old size or -1, new pages are zero, and the maximum holds.
;; RUN: %check-wat %s
(module (memory 1 4)
  (func (export "grow") (param i32) (result i32 i32) (memory.grow (local.get 0)) (memory.size))
  (func (export "zero") (result i32)
    (i32.store8 (i32.const 65535) (i32.const 1)) (drop (memory.grow (i32.const 1)))
    (i32.or (i32.load (i32.const 65536)) (i32.load (i32.const 131068))))
  (func (export "twice") (result i32 i32 i32) (memory.grow (i32.const 2)) (memory.grow (i32.const 1)) (memory.grow (i32.const 1))))
;; ASSERT grow 0 => 1 1
;; ASSERT grow 3 => 1 4
;; ASSERT grow 4 => -1 1
;; ASSERT grow -1 => -1 1
;; ASSERT zero => 0
;; ASSERT twice => 1 3 -1
