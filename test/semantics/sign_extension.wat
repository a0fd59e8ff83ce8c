;; Wrapping, widening and sign-extension operators look only at the bits they are about.
;; RUN: %check-wat %s
(module
  (func (export "extend8") (param i32) (result i32) (i32.extend8_s (local.get 0)))
  (func (export "extend16") (param i32) (result i32) (i32.extend16_s (local.get 0)))
  (func (export "extend8_64") (param i64) (result i64) (i64.extend8_s (local.get 0)))
  (func (export "extend16_64") (param i64) (result i64) (i64.extend16_s (local.get 0)))
  (func (export "extend32_64") (param i64) (result i64) (i64.extend32_s (local.get 0)))
  (func (export "wrap") (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
  (func (export "extend_s") (param i32) (result i64) (i64.extend_i32_s (local.get 0)))
  (func (export "extend_u") (param i32) (result i64) (i64.extend_i32_u (local.get 0))))
;; ASSERT extend8 0x17f => 127
;; ASSERT extend8 0x180 => -128
;; ASSERT extend16 0x17fff => 32767
;; ASSERT extend16 0x18000 => -32768
;; ASSERT extend8_64 0x0123456789abcd80 => -128
;; ASSERT extend16_64 0x0123456789ab8000 => -32768
;; ASSERT extend32_64 0x0123456780000000 => -2147483648
;; ASSERT wrap 0x123456789abcdef0 => 0x9abcdef0
;; ASSERT extend_s -5 => -5
;; ASSERT extend_u -5 => 4294967291
