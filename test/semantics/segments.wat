;; Data segments apply in order, later ones over earlier ones; elements as well.
;; RUN: %check-wat %s
(module (memory 2) (table 4 funcref) (type $f (func (result i32)))
  (data (i32.const 0) "aaaa") (data (i32.const 2) "bb") (data (i32.const 65534) "\11\22\33\44") (data (i32.const 131072) "")
  (elem (i32.const 0) $one $one) (elem (i32.const 1) $two)
  (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
  (func (export "data") (result i32 i32) (i32.load (i32.const 0)) (i32.load (i32.const 65534)))
  (func (export "table") (param i32) (result i32) (call_indirect (type $f) (local.get 0))))
;; ASSERT data => 0x62626161 0x44332211
;; ASSERT table 0 => 1
;; ASSERT table 1 => 2
;; ASSERT table 2 => trap: uninitialized element
