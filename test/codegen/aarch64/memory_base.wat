;; Linear memory is reached through x28, with the 32-bit index extended in the address and no bounds check.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc dump %t.wasm --after=codegen --target aarch64 --function load | FileCheck %s --implicit-check-not=cmp
;; CHECK: ldr w{{[0-9]+}}, [x28, w{{[0-9]+}}, uxtw]
;; CHECK: ret
;; CHECK: trap 0x{{[0-9a-f]+}} instruction {{[0-9]+}}
(module (memory 1) (func $load (export "load") (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.load (local.get 0))) (else (i32.const 1)))))
