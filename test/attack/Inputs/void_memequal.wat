;; Looks like Go's memeqbody, instruction by instruction, but has no result and a local more, in a module that is not Go's.
(module
  (memory 1)
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
