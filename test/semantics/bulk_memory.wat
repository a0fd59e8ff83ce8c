;; memory.copy (overlapping both ways), memory.fill, memory.init and data.drop, with their bounds.
;; RUN: %check-wat %s
(module (memory 1) (data (i32.const 0) "abcdefgh") (data $passive "WXYZ")
  (func $read (result i64) (i64.load (i32.const 0)))
  (func (export "copy") (param i32 i32 i32) (result i64) (memory.copy (local.get 0) (local.get 1) (local.get 2)) (call $read))
  (func (export "fill") (param i32 i32 i32) (result i64) (memory.fill (local.get 0) (local.get 1) (local.get 2)) (call $read))
  (func (export "init") (param i32 i32 i32) (result i64) (memory.init $passive (local.get 0) (local.get 1) (local.get 2)) (call $read))
  (func (export "dropped") (param i32) (data.drop $passive) (data.drop $passive) (memory.init $passive (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "whole") (result i32) (memory.fill (i32.const 1) (i32.const 9) (i32.const 65535)) (memory.copy (i32.const 0) (i32.const 1) (i32.const 65535)) (i32.load8_u (i32.const 0))))
;; ASSERT copy 2 0 4 => 0x6867646362616261
;; ASSERT copy 0 2 4 => 0x6867666566656463
;; ASSERT copy 65536 0 0 => 0x6867666564636261
;; ASSERT copy 65537 0 0 => trap: out of bounds memory access
;; ASSERT copy 65533 0 4 => trap: out of bounds memory access
;; ASSERT copy 0 -1 2 => trap: out of bounds memory access
;; ASSERT fill 1 0x1ff 3 => 0x68676665ffffff61
;; ASSERT fill 65536 1 0 => 0x6867666564636261
;; ASSERT fill 65535 1 2 => trap: out of bounds memory access
;; ASSERT init 0 1 2 => 0x6867666564635958
;; ASSERT init 0 4 0 => 0x6867666564636261
;; ASSERT init 0 3 2 => trap: out of bounds memory access
;; ASSERT init 65535 0 2 => trap: out of bounds memory access
;; ASSERT dropped 0 =>
;; ASSERT dropped 1 => trap: out of bounds memory access
;; ASSERT whole => 9
