;; Three ways to end without returning.
(module
  (memory (export "memory") 1)
  (func (export "divide") (result i32) (i32.div_u (i32.const 1) (i32.load (i32.const 0))))
  (func (export "reach") (result i32) (i32.load (i32.const 0x7fffffff)))
  (func (export "loop") (loop (br 0))))
