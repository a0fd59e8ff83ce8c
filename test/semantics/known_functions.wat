;; Go's byte functions, instruction by instruction, are replaced by helpers, and behave as they did: out of bounds they compare
;; what they can before they trap, equal addresses are equal without a look, numbers beyond 32 bits wrap. One instruction
;; less, and a function is compiled as it is.
;; RUN: %wat2wasm %s -o %t.wasm && %aotc dump %t.wasm --after=shape | FileCheck %s
;; RUN: %check-wat %s
;; CHECK: known: {{.*}} is memequal
;; CHECK-NEXT: known: {{.*}} is memcmp
;; CHECK-NEXT: known: {{.*}} is memchr
;; CHECK-NOT: known:
(module
  (memory 1)
  (data (i32.const 100) "the quick brown fox jumps over the lazy dog, the end")
  (data (i32.const 300) "the quick brown fox jumps over the lazy cat, the end")
  (data (i32.const 65530) "the qu")
  (func (export "memeqbody") (param i64 i64 i64) (result i64)
    local.get 0
    local.get 1
    i64.eq
    if  ;; label = @1
      i64.const 1
      return
    end
    loop  ;; label = @1
      local.get 2
      i64.eqz
      if  ;; label = @2
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
      if  ;; label = @2
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
      br 0 (;@1;)
    end
    unreachable
    unreachable)
  (func (export "memcmp") (param i32 i32 i32) (result i32)
    (local i32 i32)
    local.get 2
    if (result i32)  ;; label = @1
      loop  ;; label = @2
        local.get 0
        i32.load8_s
        local.tee 3
        local.get 1
        i32.load8_s
        local.tee 4
        i32.eq
        if  ;; label = @3
          local.get 0
          i32.const 1
          i32.add
          local.set 0
          local.get 1
          i32.const 1
          i32.add
          local.set 1
          i32.const 0
          local.get 2
          i32.const -1
          i32.add
          local.tee 2
          i32.eqz
          br_if 3 (;@0;)
          drop
          br 1 (;@2;)
        end
      end
      local.get 3
      i32.const 255
      i32.and
      local.get 4
      i32.const 255
      i32.and
      i32.sub
    else
      i32.const 0
    end
    return
    unreachable)
  (func (export "memchr") (param i32 i32 i32) (result i32)
    (local i32 i32)
    local.get 1
    local.set 4
    block  ;; label = @1
      block  ;; label = @2
        local.get 2
        i32.const 0
        i32.ne
        local.tee 3
        local.get 0
        i32.const 3
        i32.and
        i32.const 0
        i32.ne
        i32.and
        if  ;; label = @3
          loop  ;; label = @4
            local.get 0
            i32.load8_u
            local.get 1
            i32.eq
            br_if 2 (;@2;)
            local.get 2
            i32.const -1
            i32.add
            local.tee 2
            i32.const 0
            i32.ne
            local.tee 3
            local.get 0
            i32.const 1
            i32.add
            local.tee 0
            i32.const 3
            i32.and
            i32.const 0
            i32.ne
            i32.and
            br_if 0 (;@4;)
          end
        end
        local.get 3
        br_if 0 (;@2;)
        i32.const 0
        local.set 1
        br 1 (;@1;)
      end
      local.get 0
      i32.load8_u
      local.get 4
      local.tee 3
      i32.eq
      if  ;; label = @2
        local.get 2
        local.set 1
      else
        local.get 4
        i32.const 16843009
        i32.mul
        local.set 4
        block  ;; label = @3
          block  ;; label = @4
            local.get 2
            i32.const 3
            i32.gt_u
            if  ;; label = @5
              local.get 2
              local.set 1
              loop  ;; label = @6
                local.get 0
                i32.load
                local.get 4
                i32.xor
                local.tee 2
                i32.const -2139062144
                i32.and
                i32.const -2139062144
                i32.xor
                local.get 2
                i32.const -16843009
                i32.add
                i32.and
                i32.eqz
                if  ;; label = @7
                  local.get 0
                  i32.const 4
                  i32.add
                  local.set 0
                  local.get 1
                  i32.const -4
                  i32.add
                  local.tee 1
                  i32.const 3
                  i32.gt_u
                  br_if 1 (;@6;)
                  br 3 (;@4;)
                end
              end
            else
              local.get 2
              local.set 1
              br 1 (;@4;)
            end
            br 1 (;@3;)
          end
          local.get 1
          i32.eqz
          if  ;; label = @4
            i32.const 0
            local.set 1
            br 3 (;@1;)
          end
        end
        loop  ;; label = @3
          local.get 0
          i32.load8_u
          local.get 3
          i32.eq
          br_if 2 (;@1;)
          local.get 0
          i32.const 1
          i32.add
          local.set 0
          local.get 1
          i32.const -1
          i32.add
          local.tee 1
          br_if 0 (;@3;)
          i32.const 0
          local.set 1
        end
      end
    end
    local.get 0
    i32.const 0
    local.get 1
    select
    return
    unreachable)
  (func (export "unknown") (param i64 i64 i64) (result i64)
    local.get 0
    local.get 1
    i64.eq
    if  ;; label = @1
      i64.const 1
      return
    end
    loop  ;; label = @1
      local.get 2
      i64.eqz
      if  ;; label = @2
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
      if  ;; label = @2
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
      br 0 (;@1;)
    end
    unreachable))
;; ASSERT memeqbody 100 300 40 => 1
;; ASSERT memeqbody 100 300 41 => 0
;; ASSERT memeqbody 100 300 0 => 1
;; ASSERT memeqbody 100 300 -1 => 0
;; ASSERT memeqbody 70000 70000 5 => 1
;; ASSERT memeqbody 70000 70001 5 => trap: out of bounds memory access
;; ASSERT memeqbody 70000 70001 0 => 1
;; ASSERT memeqbody 100 65530 6 => 1
;; ASSERT memeqbody 100 65530 7 => trap: out of bounds memory access
;; ASSERT memeqbody 101 65530 7 => 0
;; ASSERT memeqbody 4294967396 300 40 => 1
;; ASSERT memeqbody 4294967396 100 40 => 1
;; ASSERT unknown 100 300 40 => 1
;; ASSERT unknown 100 300 41 => 0
;; ASSERT memcmp 100 300 40 => 0
;; ASSERT memcmp 100 300 41 => 1
;; ASSERT memcmp 300 100 45 => -1
;; ASSERT memcmp 100 300 0 => 0
;; ASSERT memcmp 100 300 -1 => 1
;; ASSERT memcmp 100 65530 6 => 0
;; ASSERT memcmp 100 65530 7 => trap: out of bounds memory access
;; ASSERT memcmp 100 101 7 => 12
;; ASSERT memchr 100 113 40 => 104
;; ASSERT memchr 100 113 4 => 0
;; ASSERT memchr 100 116 40 => 100
;; ASSERT memchr 103 122 60 => 137
;; ASSERT memchr 100 369 40 => 0
;; ASSERT memchr 65530 117 6 => 65535
;; ASSERT memchr 65530 117 -1 => 65535
;; ASSERT memchr 65530 64 7 => trap: out of bounds memory access
;; ASSERT memchr 65530 64 6 => 0
;; ASSERT memchr 100 113 0 => 0
