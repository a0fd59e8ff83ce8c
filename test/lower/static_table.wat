;; A call through a table that nothing can change reads a 32-bit offset and tests no type; through one that can, it does.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc dump %t.wasm --after=shape | FileCheck %s --check-prefix=SHAPE
;; RUN: %aotc dump %t.wasm --after=lower --function static | FileCheck %s --check-prefix=STATIC --implicit-check-not="br i1"
;; RUN: %aotc dump %t.wasm --after=lower --function changing | FileCheck %s --check-prefix=CHANGING
;; SHAPE: table 0: static, 2 entries
;; SHAPE: table 1: in the instance
;; STATIC: load i32, ptr {{.*}}invariant
;; STATIC: call preserve_nonecc i32
;; CHANGING: br i1
;; CHANGING: call preserve_nonecc i32
(module (type $t (func (param i32) (result i32)))
  (table $a 2 funcref) (table $b 2 funcref) (elem (table $a) (i32.const 0) $f $f) (elem declare func $f)
  (func $f (type $t) (local.get 0))
  (func $static (type $t) (call_indirect $a (type $t) (local.get 0) (i32.const 1)))
  (func $changing (type $t) (table.set $b (i32.const 0) (ref.func $f)) (call_indirect $b (type $t) (local.get 0) (i32.const 0))))
