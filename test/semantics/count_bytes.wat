;; A loop that counts bytes takes many at a time where it can: every length and place, comparisons of three kinds, both ways to go
;; on, and where it cannot: at the end of memory, and around the end of the address space.
;; RUN: %check-wat %s
;; RUN: wat2wasm %s -o %t.wasm && for target in x86_64 aarch64; do %aotc dump %t.wasm --after=codegen --target $target | FileCheck %s --check-prefix=$target || exit 1; done
;; x86_64-COUNT-4: vpmovmskb
;; aarch64-COUNT-4: addv
(module (memory 65536)
  (func $fill (local $i i32)
    (loop $next
      (i32.store8 (local.get $i) (i32.mul (local.get $i) (i32.const 7)))
      (i32.store8 (i32.sub (i32.const -1) (local.get $i)) (local.get $i))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000)))))
  (start $fill)
  (func $equal_fast (export "equal_fast") (param $p i32) (param $n i32) (param $wanted i32) (result i64) (local $c i32) (local $i i32) (local $count i64)
    (local.set $c (i32.load8_u (local.get $wanted)))
    (loop $next
      (local.set $count (i64.add (local.get $count) (i64.extend_i32_u (i32.eq (i32.load8_u (local.get $p)) (local.get $c)))))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $count))
  (func $equal_slow (export "equal_slow") (param $p i32) (param $n i32) (param $wanted i32) (result i64) (local $c i32) (local $i i32) (local $count i64)
    (local.set $c (i32.load8_u (local.get $wanted)))
    (loop $next
      (i64.store offset=4096 (i32.const 0) (local.get $count))
      (local.set $count (i64.add (local.get $count) (i64.extend_i32_u (i32.eq (i32.load8_u (local.get $p)) (local.get $c)))))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $count))
  (func $below_fast (export "below_fast") (param $p i32) (param $n i32) (param $wanted i32) (result i32) (local $c i32) (local $i i32) (local $count i32)
    (local.set $c (i32.load8_u (local.get $wanted)))
    (loop $next
      (local.set $count (i32.add (local.get $count) (i32.lt_u (i32.load8_u offset=3 (i32.add (local.get $p) (local.get $i))) (local.get $c))))

      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $count))
  (func $below_slow (export "below_slow") (param $p i32) (param $n i32) (param $wanted i32) (result i32) (local $c i32) (local $i i32) (local $count i32)
    (local.set $c (i32.load8_u (local.get $wanted)))
    (loop $next
      (i32.store offset=4096 (i32.const 0) (local.get $count))
      (local.set $count (i32.add (local.get $count) (i32.lt_u (i32.load8_u offset=3 (i32.add (local.get $p) (local.get $i))) (local.get $c))))

      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $count))
  (func $positive_fast (export "positive_fast") (param $p i32) (param $n i32) (param $wanted i32) (result i32) (local $c i32) (local $i i32) (local $count i32)
    (local.set $c (i32.load8_u (local.get $wanted)))
    (loop $next
      (local.set $count (select (i32.add (local.get $count) (i32.const 1)) (local.get $count) (i32.gt_s (i32.load8_s (local.get $p)) (i32.const -1))))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br_if $next (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $count))
  (func $positive_slow (export "positive_slow") (param $p i32) (param $n i32) (param $wanted i32) (result i32) (local $c i32) (local $i i32) (local $count i32)
    (local.set $c (i32.load8_u (local.get $wanted)))
    (loop $next
      (i32.store offset=4096 (i32.const 0) (local.get $count))
      (local.set $count (select (i32.add (local.get $count) (i32.const 1)) (local.get $count) (i32.gt_s (i32.load8_s (local.get $p)) (i32.const -1))))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br_if $next (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $count))
  (func $other_fast (export "other_fast") (param $p i32) (param $n i32) (param $wanted i32) (result i64) (local $c i32) (local $i i32) (local $count i64)
    (local.set $c (i32.load8_u (local.get $wanted)))
    (loop $next
      (local.set $count (i64.add (local.get $count) (i64.extend_i32_u (i32.ne (i32.load8_u (local.get $p)) (local.get $c)))))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br_if $next (i64.ne (i64.extend_i32_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))) (i64.extend_i32_u (local.get $n)))))
    (local.get $count))
  (func $other_slow (export "other_slow") (param $p i32) (param $n i32) (param $wanted i32) (result i64) (local $c i32) (local $i i32) (local $count i64)
    (local.set $c (i32.load8_u (local.get $wanted)))
    (loop $next
      (i64.store offset=4096 (i32.const 0) (local.get $count))
      (local.set $count (i64.add (local.get $count) (i64.extend_i32_u (i32.ne (i32.load8_u (local.get $p)) (local.get $c)))))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br_if $next (i64.ne (i64.extend_i32_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))) (i64.extend_i32_u (local.get $n)))))
    (local.get $count))
  (func (export "equal_differs") (result i32) (local $p i32) (local $n i32) (local $differs i32)
    (local.set $p (i32.const 100))
    (loop $places
      (local.set $n (i32.const 1))
      (loop $lengths
        (local.set $differs (i32.add (local.get $differs) (i64.ne
          (call $equal_fast (local.get $p) (local.get $n) (i32.add (local.get $p) (i32.const 3)))
          (call $equal_slow (local.get $p) (local.get $n) (i32.add (local.get $p) (i32.const 3))))))
        (br_if $lengths (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 150))))
      (br_if $places (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 1))) (i32.const 140))))
    (local.get $differs))
  (func (export "below_differs") (result i32) (local $p i32) (local $n i32) (local $differs i32)
    (local.set $p (i32.const 100))
    (loop $places
      (local.set $n (i32.const 1))
      (loop $lengths
        (local.set $differs (i32.add (local.get $differs) (i32.ne
          (call $below_fast (local.get $p) (local.get $n) (i32.add (local.get $p) (i32.const 3)))
          (call $below_slow (local.get $p) (local.get $n) (i32.add (local.get $p) (i32.const 3))))))
        (br_if $lengths (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 150))))
      (br_if $places (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 1))) (i32.const 140))))
    (local.get $differs))
  (func (export "positive_differs") (result i32) (local $p i32) (local $n i32) (local $differs i32)
    (local.set $p (i32.const 100))
    (loop $places
      (local.set $n (i32.const 1))
      (loop $lengths
        (local.set $differs (i32.add (local.get $differs) (i32.ne
          (call $positive_fast (local.get $p) (local.get $n) (i32.add (local.get $p) (i32.const 3)))
          (call $positive_slow (local.get $p) (local.get $n) (i32.add (local.get $p) (i32.const 3))))))
        (br_if $lengths (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 150))))
      (br_if $places (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 1))) (i32.const 140))))
    (local.get $differs))
  (func (export "other_differs") (result i32) (local $p i32) (local $n i32) (local $differs i32)
    (local.set $p (i32.const 100))
    (loop $places
      (local.set $n (i32.const 1))
      (loop $lengths
        (local.set $differs (i32.add (local.get $differs) (i64.ne
          (call $other_fast (local.get $p) (local.get $n) (i32.add (local.get $p) (i32.const 3)))
          (call $other_slow (local.get $p) (local.get $n) (i32.add (local.get $p) (i32.const 3))))))
        (br_if $lengths (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 150))))
      (br_if $places (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 1))) (i32.const 140))))
    (local.get $differs)))
;; ASSERT equal_differs => 0
;; ASSERT below_differs => 0
;; ASSERT positive_differs => 0
;; ASSERT other_differs => 0
;; ASSERT equal_fast 0 1 0 => 1
;; ASSERT equal_fast 5 33 5 => 1
;; ASSERT equal_fast 7 1000 7 => 4
;; ASSERT equal_fast -40 40 4 => 1
;; ASSERT equal_fast -40 41 -1 => 2
;; ASSERT equal_fast -20 100 -1 => 2
;; ASSERT equal_fast -600 900 30 => 4
;; ASSERT below_fast 0 997 9 => 249
;; ASSERT below_fast -50 50 9 => trap: out of bounds memory access
;; ASSERT below_fast -600 600 9 => trap: out of bounds memory access
;; ASSERT below_fast -600 597 9 => 189
