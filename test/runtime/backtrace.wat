;; A trap prints its kind, the function, the wasm offset and the calls that led there, and exits with 134. The quick tier
;; does not inline.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc compile %t.wasm --tier quick --target all -o %t
;; RUN: for target in x86_64 aarch64; do %aotc run %t.$target.aotc --invoke outer 70000 >%t.out 2>&1; test $? = 134 && FileCheck %s < %t.out || exit 1; done
;; REQUIRES: qemu
;; CHECK: trap: out of bounds memory access at address 0x11170 in inner, wasm offset 0x{{[0-9a-f]+}}
;; CHECK-NEXT: at inner
;; CHECK-NEXT: at middle
;; CHECK-NEXT: at outer
(module (memory 1)
  (func $inner (param i32) (result i32) (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 5)))) (i32.load (local.get 0)))
  (func $middle (param i32) (result i32) (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 5)))) (i32.add (call $inner (local.get 0)) (i32.const 1)))
  (func $outer (export "outer") (param i32) (result i32) (i32.add (call $middle (local.get 0)) (i32.const 1))))
