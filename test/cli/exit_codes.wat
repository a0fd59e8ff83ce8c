;; A program's exit code is that of aotc run up to 125. Others, which shells and aotc use themselves, or of which nothing would
;; be left, are 1.
;; RUN: %wat2wasm %s -o %t.wasm && %aotc compile %t.wasm -o %t.aotc
;; RUN: for c in 0 1 125 126 134 255 256 512 -1; do code=0; %aotc run %t.aotc --invoke leave $c || code=$?; echo "$c: $code"; done | FileCheck %s
;; CHECK: {{^}}0: 0
;; CHECK-NEXT: {{^}}1: 1
;; CHECK-NEXT: {{^}}125: 125
;; CHECK-NEXT: {{^}}126: 1
;; CHECK-NEXT: {{^}}134: 1
;; CHECK-NEXT: {{^}}255: 1
;; CHECK-NEXT: {{^}}256: 1
;; CHECK-NEXT: {{^}}512: 1
;; CHECK-NEXT: {{^}}-1: 1
(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
  (func (export "leave") (param i32) (call $exit (local.get 0)) unreachable))
