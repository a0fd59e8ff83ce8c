;; Programs ask path_open for no rights and then list the directory; other hosts let them, ours answered ENOTCAPABLE.
;; RUN: rm -rf %t.dir && mkdir -p %t.dir/inner && touch %t.dir/inner/file && %wat2wasm %s -o %t.wasm && %aotc compile %t.wasm --target all --tier quick -o %t
;; RUN: for target in x86_64 aarch64; do %aotc run %t.$target.aotc --dir %t.dir::/ --invoke list | FileCheck %s || exit 1; done
;; REQUIRES: qemu
;; CHECK: {{^}}0{{$}}
;; CHECK-NEXT: {{^}}0{{$}}
;; CHECK-NEXT: {{^}}79{{$}}
(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "inner")
  ;; Both error numbers, and the bytes of the entries ".", ".." and "file": 24 each and the names.
  (func (export "list") (result i32 i32 i32)
    (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 2) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 16))
    (call $readdir (i32.load (i32.const 16)) (i32.const 64) (i32.const 1024) (i64.const 0) (i32.const 20))
    (i32.load (i32.const 20))))
