(module
  (func (export "_start") (param i32))
  (func (export "with_reference") (param funcref))
  (func (export "answer") (result i32) (i32.const 42)))
