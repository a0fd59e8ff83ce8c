;; The same function in a module of Go's shape.
(module
  (memory 1)
  (table 1 funcref)
  (global (mut i32) (i32.const 0))
  (func $resumable (param i32) (result i32)
    i32.const 0)
  (func $another (param i32) (result i32)
    i32.const 0)
  (func $resume_loop
    loop
      i32.const 0
      i32.const 0
      i32.load16_u
      call_indirect (param i32) (result i32)
      drop
    end)
  (func (param i64 i64 i64) (local i64)
    local.get 0
    local.get 1
    i64.eq
    if
      i64.const 1
      return
    end
    loop
      local.get 2
      i64.eqz
      if
        i64.const 1
        return
      end
      local.get 0
      i32.wrap_i64
      i64.load8_u
      local.get 1
      i32.wrap_i64
      i64.load8_u
      i64.ne
      if
        i64.const 0
        return
      end
      local.get 0
      i64.const 1
      i64.add
      local.set 0
      local.get 1
      i64.const 1
      i64.add
      local.set 1
      local.get 2
      i64.const 1
      i64.sub
      local.set 2
      br 0
    end
    unreachable
    unreachable
  )
)
