;; Blocks, loops and ifs with parameters and several results; branches drop what lies below their values.
;; RUN: %check-wat %s
(module
  (func $divmod (param i32 i32) (result i32 i32) (i32.div_u (local.get 0) (local.get 1)) (i32.rem_u (local.get 0) (local.get 1)))
  (func (export "divmod") (param i32 i32) (result i32 i32) (call $divmod (local.get 0) (local.get 1)))
  (func (export "block_params") (param i32) (result i32) (local.get 0) (i32.const 5) (block (param i32 i32) (result i32) (i32.mul)))
  (func (export "if_params") (param i32 i32) (result i32 i64)
    (local.get 0) (if (param i32) (result i32 i64) (local.get 1) (then (i64.const 1)) (else (drop) (i32.const -9) (i64.const 2))))
  (func (export "loop_params") (param i32) (result i64)
    (i64.const 1) (loop (param i64) (result i64) (i64.mul (i64.extend_i32_u (local.get 0)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "br_drops") (result i32) (block (result i32) (i32.const 1) (i32.const 2) (i32.const 3) (br 0)))
  (func (export "br_if_value") (param i32) (result i32) (block (result i32) (drop (br_if 0 (i32.const 4) (local.get 0))) (i32.const 6)))
  (func (export "return_nested") (param i32) (result i32 i32) (loop (block (if (local.get 0) (then (return (i32.const 1) (i32.const 2)))))) (i32.const 3) (i32.const 4))
  (func (export "unreachable_code") (param i32) (result i32) (block (br 0) (drop (i32.add (i32.const 1) (i32.div_u))) (unreachable)) (local.get 0))
  (func (export "unreachable") (unreachable))
  (func (export "select") (param i64 i64 i32) (result i64) (select (local.get 0) (local.get 1) (local.get 2))))
;; ASSERT divmod 17 5 => 3 2
;; ASSERT block_params 8 => 40
;; ASSERT if_params 7 1 => 7 1
;; ASSERT if_params 7 0 => -9 2
;; ASSERT loop_params 5 => 120
;; ASSERT br_drops => 3
;; ASSERT br_if_value 1 => 4
;; ASSERT br_if_value 0 => 6
;; ASSERT return_nested 1 => 1 2
;; ASSERT return_nested 0 => 3 4
;; ASSERT unreachable_code 11 => 11
;; ASSERT unreachable => trap: unreachable
;; ASSERT select 1 2 0 => 2
;; ASSERT select 1 2 0x100 => 1
