;; AArch64's FastISel took preserve_none arguments for C arguments, so the quick tier and all thunks read garbage: host calls
;; with arguments of both widths, and calls whose integers and floats fill the registers and overflow them.
;; RUN: %check-wat %s
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "clock") (param i32 i64 i32) (result i32 i32)
    (call $clock (local.get 0) (local.get 1) (local.get 2)) (i64.ne (i64.load (i32.const 32)) (i64.const 0)))
  (func $mixed (param i32 f64 i64 f32 i32 i64 i32 i32 i32 i32 f64 i32) (result i64)
    (i64.add (i64.extend_i32_s (i32.sub (i32.add (local.get 0) (local.get 11)) (i32.sub (local.get 4) (local.get 9))))
             (i64.add (i64.sub (local.get 2) (local.get 5)) (i64.trunc_f64_s (f64.sub (local.get 1) (local.get 10))))))
  (func (export "mixed") (param i32 f64 i64 f32 i32 i64 i32 i32 i32 i32 f64 i32) (result i64)
    (call $mixed (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7)
                 (local.get 8) (local.get 9) (local.get 10) (local.get 11))))
;; ASSERT clock 0 1 32 => 0 1
;; ASSERT clock 99 1 32 => 28 0
;; ASSERT clock 0 1 -1 => 21 0
;; ASSERT mixed 1 1000.5 30 4 5 6 7 8 9 10 110.5 12 => 932
