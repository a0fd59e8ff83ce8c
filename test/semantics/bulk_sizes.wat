;; memory.copy and memory.fill do to every byte what a loop over bytes does: short and long, aligned and not, overlapping both ways.
;; RUN: %check-wat %s
(module (memory 1)
  (global $a i32 (i32.const 4096))
  (global $b i32 (i32.const 12288))
  (global $size i32 (i32.const 4096))

  (func $reset (local $i i32)
    (loop $next
      (i32.store8 (i32.add (global.get $a) (local.get $i)) (i32.xor (local.get $i) (i32.shr_u (local.get $i) (i32.const 5))))
      (i32.store8 (i32.add (global.get $b) (local.get $i)) (i32.xor (local.get $i) (i32.shr_u (local.get $i) (i32.const 5))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (global.get $size)))))

  (func $differs (result i32) (local $i i32)
    (loop $next
      (if (i32.ne (i32.load8_u (i32.add (global.get $a) (local.get $i))) (i32.load8_u (i32.add (global.get $b) (local.get $i))))
        (then (return (i32.const 1))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (global.get $size))))
    (i32.const 0))

  (func $slow_copy (param $to i32) (param $from i32) (param $n i32) (local $i i32)
    (if (i32.eqz (local.get $n)) (then (return)))
    (if (i32.lt_u (local.get $from) (local.get $to))
      (then
        (loop $next
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (i32.store8 (i32.add (local.get $to) (local.get $n)) (i32.load8_u (i32.add (local.get $from) (local.get $n))))
          (br_if $next (local.get $n))))
      (else
        (loop $next
          (i32.store8 (i32.add (local.get $to) (local.get $i)) (i32.load8_u (i32.add (local.get $from) (local.get $i))))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))))))

  (func $slow_fill (param $to i32) (param $byte i32) (param $n i32) (local $i i32)
    (if (i32.eqz (local.get $n)) (then (return)))
    (loop $next
      (i32.store8 (i32.add (local.get $to) (local.get $i)) (local.get $byte))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))))

  ;; From `from` to every `step`th place behind, `n` bytes and every 37th length from there to `most`.
  (func (export "copies") (param $from i32) (param $n i32) (param $most i32) (param $step i32) (result i32) (local $to i32) (local $wrong i32)
    (loop $lengths
      (local.set $to (i32.const 100))
      (loop $places
        (call $reset)
        (memory.copy (i32.add (global.get $a) (local.get $to)) (i32.add (global.get $a) (local.get $from)) (local.get $n))
        (call $slow_copy (i32.add (global.get $b) (local.get $to)) (i32.add (global.get $b) (local.get $from)) (local.get $n))
        (local.set $wrong (i32.add (local.get $wrong) (call $differs)))
        (br_if $places (i32.lt_u (local.tee $to (i32.add (local.get $to) (local.get $step))) (i32.const 900))))
      (br_if $lengths (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 37))) (local.get $most))))
    (local.get $wrong))

  (func (export "fills") (param $n i32) (param $most i32) (result i32) (local $to i32) (local $wrong i32)
    (loop $lengths
      (local.set $to (i32.const 60))
      (loop $places
        (call $reset)
        (memory.fill (i32.add (global.get $a) (local.get $to)) (i32.const 0x1ab) (local.get $n))
        (call $slow_fill (i32.add (global.get $b) (local.get $to)) (i32.const 0x1ab) (local.get $n))
        (local.set $wrong (i32.add (local.get $wrong) (call $differs)))
        (br_if $places (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 3))) (i32.const 100))))
      (br_if $lengths (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 37))) (local.get $most))))
    (local.get $wrong)))
;; ASSERT copies 500 0 300 41 => 0
;; ASSERT copies 501 250 800 43 => 0
;; ASSERT copies 520 1010 1500 61 => 0
;; ASSERT copies 503 256 257 1 => 0
;; ASSERT fills 0 500 => 0
;; ASSERT fills 1000 3000 => 0
