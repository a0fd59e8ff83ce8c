(module
  (memory (export "memory") 1 2)
  (global (export "answer") i32 (i32.const 42))
  (table (export "table") 1 funcref)
  (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $pair (export "pair") (result i32 f64) (i32.const 1) (f64.const 2.5)))
