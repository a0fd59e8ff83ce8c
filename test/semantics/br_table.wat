;; br_table picks by unsigned index, its default beyond the end, and carries a value.
;; RUN: %check-wat %s
(module
  (func (export "switch") (param i32) (result i32)
    (block (block (block (block (br_table 2 0 1 2 3 (local.get 0))) (return (i32.const 10))) (return (i32.const 11))) (return (i32.const 12))) (i32.const 13))
  (func (export "value") (param i32) (result i32)
    (i32.add (i32.const 100) (block (result i32) (i32.add (i32.const 1) (block (result i32) (br_table 0 1 0 (i32.const 7) (local.get 0)))))))
  (func (export "only_default") (param i32) (result i32) (block (br_table 0 (local.get 0))) (i32.const 3))
  (func (export "loop") (param i32) (result i32) (local i32)
    (block (loop (local.set 1 (i32.add (local.get 1) (i32.const 3))) (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_table 1 0 0 0 1 (local.get 0)))) (local.get 1)))
;; ASSERT switch 0 => 12
;; ASSERT switch 1 => 10
;; ASSERT switch 2 => 11
;; ASSERT switch 3 => 12
;; ASSERT switch 4 => 13
;; ASSERT switch -1 => 13
;; ASSERT value 0 => 108
;; ASSERT value 1 => 107
;; ASSERT value 9 => 108
;; ASSERT only_default 5 => 3
;; ASSERT loop 3 => 9
;; ASSERT loop 9 => 3
