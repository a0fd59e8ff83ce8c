;; Of a module that is not Go's, a few instructions in a row without a call are compiled with little effort even at best: the code
;; is that of quick. Callers inline them and make the best of it.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm
;; RUN: %aotc dump %t.wasm --after=codegen --tier best --function leaf > %t.best && %aotc dump %t.wasm --after=codegen --tier quick --function leaf > %t.quick && cmp %t.best %t.quick
;; RUN: %aotc dump %t.wasm --after=codegen --tier best --function branches > %t.best && %aotc dump %t.wasm --after=codegen --tier quick --function branches > %t.quick && not cmp -s %t.best %t.quick
;; RUN: %aotc dump %t.wasm --after=lower --tier best --function caller | grep -q "call .*@inlinef1("
;; RUN: %check-wat %s
(module (memory 1)
  (func $leaf (export "leaf") (param i32 i32) (result i32) (i32.sub (i32.load (local.get 0)) (i32.load (local.get 1))))
  (func $branches (export "branches") (param i32 i32) (result i32)
    (if (result i32) (local.get 0) (then (i32.sub (i32.load (local.get 0)) (i32.load (local.get 1)))) (else (local.get 1))))
  (func $caller (export "caller") (param i32) (result i32) (i32.add (call $leaf (local.get 0) (i32.const 0)) (i32.const 3))))
;; ASSERT leaf 0 8 => 0
;; ASSERT branches 0 8 => 8
;; ASSERT caller 16 => 3
