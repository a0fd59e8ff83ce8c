;; The link dump lists sections, functions with addresses, exports with their thunks; names are those of the name section.
;; RUN: %wat2wasm --debug-names %s -o %t.wasm && %aotc dump %t.wasm --after=link --target all | FileCheck %s
;; CHECK: artifact {{[0-9]+}} bytes, x86_64
;; CHECK: section .text {{ *}}offset 0x10000
;; CHECK: code 0x0 size 0x{{[0-9a-f]+}} add
;; CHECK: export add function 0 thunk 0x
;; CHECK: artifact {{[0-9]+}} bytes, aarch64
(module (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
