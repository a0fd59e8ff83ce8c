;; A program that does not ask for its environment as Go does has no place for a secret, so it gets no snapshot.
;;
;; RUN: %wat2wasm %s -o %t.wasm && not %aotc compile %t.wasm --snapshot required --secret-env API_KEY:12 -o %t.aotc 2>&1 | FileCheck %s
;; CHECK: it did not start as Go programs do, so its secrets could not be hidden
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_initialize") (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 64)))))
