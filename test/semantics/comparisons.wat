;; Signed and unsigned comparisons differ where the sign bit is set.
;; RUN: %check-wat %s
(module
  (func (export "all32") (param i32 i32) (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (i32.eq (local.get 0) (local.get 1)) (i32.ne (local.get 0) (local.get 1))
    (i32.lt_s (local.get 0) (local.get 1)) (i32.lt_u (local.get 0) (local.get 1))
    (i32.gt_s (local.get 0) (local.get 1)) (i32.gt_u (local.get 0) (local.get 1))
    (i32.le_s (local.get 0) (local.get 1)) (i32.le_u (local.get 0) (local.get 1))
    (i32.ge_s (local.get 0) (local.get 1)) (i32.ge_u (local.get 0) (local.get 1)))
  (func (export "all64") (param i64 i64) (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (i64.eq (local.get 0) (local.get 1)) (i64.ne (local.get 0) (local.get 1))
    (i64.lt_s (local.get 0) (local.get 1)) (i64.lt_u (local.get 0) (local.get 1))
    (i64.gt_s (local.get 0) (local.get 1)) (i64.gt_u (local.get 0) (local.get 1))
    (i64.le_s (local.get 0) (local.get 1)) (i64.le_u (local.get 0) (local.get 1))
    (i64.ge_s (local.get 0) (local.get 1)) (i64.ge_u (local.get 0) (local.get 1))))
;; ASSERT all32 1 1 => 1 0 0 0 0 0 1 1 1 1
;; ASSERT all32 -1 1 => 0 1 1 0 0 1 1 0 0 1
;; ASSERT all32 1 2 => 0 1 1 1 0 0 1 1 0 0
;; ASSERT all32 0x7fffffff 0x80000000 => 0 1 0 1 1 0 0 1 1 0
;; ASSERT all64 1 1 => 1 0 0 0 0 0 1 1 1 1
;; ASSERT all64 -1 1 => 0 1 1 0 0 1 1 0 0 1
;; ASSERT all64 0x7fffffffffffffff 0x8000000000000000 => 0 1 0 1 1 0 0 1 1 0
;; ASSERT all64 0x100000000 0 => 0 1 0 0 1 1 0 0 1 1
