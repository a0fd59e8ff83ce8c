;; --timeout ends an endless loop, an endless recursion through a host call, and a bulk operation, with exit code 134.
;; RUN: %wat2wasm %s -o %t.wasm && %aotc compile %t.wasm --target all -o %t
;; RUN: for target in x86_64 aarch64; do for e in spin nothing copy random; do timeout 20 %aotc run %t.$target.aotc --timeout 200ms --invoke $e >%t.out 2>&1; test $? = 134 && FileCheck %s < %t.out || { echo $target $e; exit 1; }; done || exit 1; done
;; REQUIRES: qemu
;; CHECK: trap: deadline exceeded
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 4096)
  (func (export "spin") (param) (local i32) (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 0)))
  (func (export "nothing") (loop (br 0)))
  (func (export "copy") (loop (memory.copy (i32.const 0) (i32.const 1) (i32.const 0xfffffff)) (br 0)))
  (func (export "random") (loop (drop (call $random (i32.const 0) (i32.const 0xfffffff))) (br 0))))
