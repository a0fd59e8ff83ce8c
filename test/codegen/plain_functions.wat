;; A loop with a pointer beside its counter: LLVM's passes on loops would prove that the pointer stays small and drop the mask,
;; which machine code does not show. Modules that are not Go's do without them, so no function is compiled twice.
;; RUN: wat2wasm %s -o %t.wasm
;; RUN: for target in x86_64 aarch64; do %aotc compile %t.wasm --target $target -o %t.aotc --json | grep -q '"plain_functions": 0' && %aotc run %t.aotc --invoke sum | grep -qx 1360 || exit 1; done
;; RUN: %aotc compile %t.wasm --tier quick -o %t.aotc --json | grep -q '"plain_functions": 0'
(module
  (memory 1)
  (data (i32.const 4096) "\01\02\03\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f\10")
  (func (export "sum") (result i64)
    (local $p i64) (local $i i64) (local $sum i64)
    (local.set $p (i64.const 4096))
    (loop $next
      (local.set $sum (i64.add (local.get $sum) (i64.mul (local.get $i) (i64.load8_u (i32.wrap_i64 (local.get $p))))))
      (local.set $p (i64.add (local.get $p) (i64.const 1)))
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $next (i64.lt_u (local.get $i) (i64.const 1000))))
    (local.get $sum)))
