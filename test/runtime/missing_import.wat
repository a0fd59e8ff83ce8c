;; An import that is missing when a program runs is an error with its name and type, not a crash when it is called.
;; RUN: %wat2wasm %s -o %t.wasm && %aotc compile %t.wasm --imports any -o %t.aotc && not %aotc run %t.aotc --invoke f 2>&1 | FileCheck %s
;; CHECK: missing import "env" "nobody" of type (i32, f64) -> (i64)
(module (import "env" "nobody" (func $n (param i32 f64) (result i64))) (memory 1)
  (func (export "f") (result i64) (call $n (i32.const 1) (f64.const 2))))
