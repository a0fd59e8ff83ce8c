;; table.get, set, size, grow, fill, copy, init and elem.drop, and calls through a table that changes.
;; RUN: %check-wat %s
(module
  (type $f (func (result i32)))
  (table $t 4 10 funcref) (table $u 4 funcref)
  (elem (table $t) (i32.const 0) func $one $two) (elem $passive func $two $three) (elem declare func $three)
  (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2)) (func $three (result i32) (i32.const 3))
  (func $call (param i32) (result i32) (call_indirect $t (type $f) (local.get 0)))
  (func (export "call") (param i32) (result i32) (call $call (local.get 0)))
  (func (export "set") (param i32) (result i32) (table.set $t (local.get 0) (ref.func $three)) (call $call (local.get 0)))
  (func (export "is_null") (param i32) (result i32) (ref.is_null (table.get $t (local.get 0))))
  (func (export "grow") (param i32) (result i32 i32) (table.grow $t (ref.func $two) (local.get 0)) (table.size $t))
  (func (export "call_grown") (result i32) (drop (table.grow $t (ref.func $two) (i32.const 3))) (call $call (i32.const 6)))
  (func (export "fill") (param i32 i32) (result i32) (table.fill $t (local.get 0) (ref.func $three) (local.get 1)) (call $call (i32.const 3)))
  (func (export "copy") (param i32 i32 i32) (result i32) (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)) (call $call (i32.const 1)))
  (func (export "across") (result i32) (table.copy $u $t (i32.const 2) (i32.const 0) (i32.const 2)) (call_indirect $u (type $f) (i32.const 3)))
  (func (export "init") (param i32 i32 i32) (result i32) (table.init $t $passive (local.get 0) (local.get 1) (local.get 2)) (call $call (i32.const 2)))
  ;; Constant indices whose comparison with a size is one of signs, of the upper bits, or with one number.
  (func (export "last") (result i32) (ref.is_null (table.get $u (i32.const -1))))
  (func (export "last_but_one") (result i32) (call_indirect $u (type $f) (i32.const -2)))
  (func (export "largest") (result i32) (table.set $u (i32.const 0x7fffffff) (ref.func $three)) (i32.const 1))
  (func (export "smallest") (result i32) (ref.is_null (table.get $u (i32.const 0x80000000))))
  (func (export "upper_bits") (result i32) (table.set $u (i32.const 0xffff) (ref.func $three)) (i32.const 1))
  (func (export "more_bits") (result i32) (ref.is_null (table.get $u (i32.const 0x3fffffff))))
  (func (export "grown") (result i32) (drop (table.grow $u (ref.func $two) (i32.const 0x10000))) (call_indirect $u (type $f) (i32.const 0xffff)))
  (func (export "dropped") (param i32) (elem.drop $passive) (table.init $t $passive (i32.const 0) (i32.const 0) (local.get 0))))
;; ASSERT call 0 => 1
;; ASSERT call 2 => trap: uninitialized element
;; ASSERT call 4 => trap: undefined element
;; ASSERT set 3 => 3
;; ASSERT set 4 => trap: out of bounds table access
;; ASSERT is_null 2 => 1
;; ASSERT is_null 1 => 0
;; ASSERT is_null 4 => trap: out of bounds table access
;; ASSERT grow 6 => 4 10
;; ASSERT grow 7 => -1 4
;; ASSERT call_grown => 2
;; ASSERT fill 2 2 => 3
;; ASSERT fill 3 2 => trap: out of bounds table access
;; ASSERT copy 1 0 2 => 1
;; ASSERT copy 0 1 1 => 2
;; ASSERT copy 3 0 2 => trap: out of bounds table access
;; ASSERT across => 2
;; ASSERT init 1 0 2 => 3
;; ASSERT init 0 1 2 => trap: out of bounds table access
;; ASSERT last => trap: out of bounds table access
;; ASSERT last_but_one => trap: undefined element
;; ASSERT largest => trap: out of bounds table access
;; ASSERT smallest => trap: out of bounds table access
;; ASSERT upper_bits => trap: out of bounds table access
;; ASSERT more_bits => trap: out of bounds table access
;; ASSERT grown => 2
;; ASSERT dropped 0 =>
;; ASSERT dropped 1 => trap: out of bounds table access
