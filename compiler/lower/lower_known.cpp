// lower_known.cpp - the functions of known_functions.h: ask a helper first, go on with the function's own code
// otherwise.
//
// A function that takes its arguments on Go's stack asks where its first block begins, before it sees whether that
// stack is large enough: the helper needs none of it.
#include "aotc/abi.h"
#include "function_lowering.h"

namespace aotc {

using namespace llvm;

namespace {

static_assert(kKnownFunctions - static_cast<size_t>(KnownFunction::AesEncrypt) == AOTC_KNOWN_COUNT);

constexpr uint32_t kReturnAddressSize = 8;
enum DigestArguments : uint64_t { kDigest = 8, kData = 16, kSize = 24 };  // from the stack pointer

// What the helper replaces, in wasm's types.
FuncType replaced_type(KnownFunction known) {
  switch (known) {
    case KnownFunction::MemEqual:
      return {{ValueType::I64, ValueType::I64, ValueType::I64}, {ValueType::I64}};
    case KnownFunction::MemCompare:
    case KnownFunction::MemChr:
      return {{ValueType::I32, ValueType::I32, ValueType::I32}, {ValueType::I32}};
    default:
      return {{ValueType::I32}, {ValueType::I32}};
  }
}

}  // namespace

// Decides where the helper is asked. Whatever has been recognised: results of another type than the function's would be
// code that means nothing.
void FunctionLowering::plan_helper() {
  if (!own_.known) return;
  known_ = *own_.known;
  bool takes_stack = known_ >= KnownFunction::Sha256;
  // The table at the entry, and the end of the block that its first target leaves.
  auto table = find_if(body_.code, [](const Instr& instr) { return instr.op == Op::BrTable; });
  if (unit_.types[own_.type] != replaced_type(known_) || signature_.resumable != takes_stack ||
      (takes_stack && std::distance(table, body_.code.end()) < 3)) {
    inlined_.is_mistaken = true;
    return;
  }
  ask_at_ = takes_stack ? static_cast<uint32_t>(table - body_.code.begin()) + 2 : 0;
}

// Before instruction ask_at_.
void FunctionLowering::try_helper_first() {
  Type* i32 = builder_.getInt32Ty();
  Type* i64 = builder_.getInt64Ty();
  auto argument = [&](unsigned i) { return ssa_.read(i, here()); };
  auto narrow = [&](Value* value) { return builder_.CreateTrunc(value, i32); };
  // Bytes [at, at + size) are in memory, and none of it wraps.
  auto in_memory = [&](Value* at, Value* size) {
    Value* end = builder_.CreateAdd(at, size);
    Value* no_wrap = builder_.CreateICmpULE(size, builder_.getInt64(UINT32_MAX));
    Value* in_range = builder_.CreateICmpULE(end, access_.load(i64, AOTC_TAIL_MEMORY_SIZE));
    return builder_.CreateAnd(no_wrap,
                              builder_.CreateAnd(builder_.CreateICmpULE(at, builder_.getInt64(UINT32_MAX)), in_range));
  };
  switch (known_) {
    case KnownFunction::MemEqual: {
      Value *p = argument(0), *q = argument(1), *size = argument(2);
      // A string is often compared with itself, which Go's code sees first.
      Value* differ = builder_.CreateICmpNE(p, q);
      return_if(builder_.CreateAnd(differ, builder_.CreateAnd(in_memory(p, size), in_memory(q, size))), [&] {
        return builder_.CreateZExt(access_.call_helper(AOTC_HELPER_MEMEQUAL, i32, {narrow(p), narrow(q), narrow(size)}),
                                   i64);
      });
      return;
    }
    case KnownFunction::MemCompare:
    case KnownFunction::MemChr: {
      bool compares = known_ == KnownFunction::MemCompare;
      Value *p = argument(0), *second = argument(1), *size = argument(2);
      auto wide = [&](Value* value) { return builder_.CreateZExt(value, i64); };
      Value* condition = builder_.CreateAnd(in_memory(wide(p), wide(size)),
                                            compares ? in_memory(wide(second), wide(size))
                                                     : builder_.CreateICmpULE(second, builder_.getInt32(UINT8_MAX)));
      return_if(condition, [&]() -> Value* {
        if (compares) return access_.call_helper(AOTC_HELPER_MEMCMP, i32, {p, second, size});
        Value* index = access_.call_helper(AOTC_HELPER_MEMCHR, i32, {p, second, size});
        return builder_.CreateSelect(builder_.CreateICmpEQ(index, builder_.getInt32(UINT32_MAX)), builder_.getInt32(0),
                                     builder_.CreateAdd(p, index));
      });
      return;
    }
    case KnownFunction::Sha256: {
      auto stack_slot = [&](uint64_t offset) {
        LoadInst* load = builder_.CreateAlignedLoad(i64, address(read_sp(), offset), Align(1));
        access_.tag_memory(load);
        return load;
      };
      Value* done =
          access_.call_helper(AOTC_HELPER_SHA256, i32, {stack_slot(kDigest), stack_slot(kData), stack_slot(kSize)});
      done_if(done);
      return;
    }
    default: {
      uint32_t number = static_cast<uint32_t>(known_) - static_cast<uint32_t>(KnownFunction::AesEncrypt);
      done_if(access_.call_helper(AOTC_HELPER_KNOWN, i32, {builder_.getInt32(number), read_sp()}));
    }
  }
}

// Of a resumable function whose helper answered `done`.
void FunctionLowering::done_if(Value* done) {
  return_if(builder_.CreateICmpNE(done, builder_.getInt32(0)),
            [&] { return builder_.CreateAdd(read_sp(), builder_.getInt32(kReturnAddressSize)); });
}

// `result` is the function's only result; of a resumable function the stack pointer.
void FunctionLowering::return_if(Value* condition, function_ref<Value*()> result) {
  BasicBlock* returning = new_block();
  BasicBlock* rest = new_block();
  mark_cold(builder_.CreateCondBr(condition, returning, rest), false);
  ssa_.seal(returning);
  ssa_.seal(rest);
  builder_.SetInsertPoint(returning);
  Value* value = result();
  if (signature_.passes_sp && !signature_.resumable) {
    Value* both = builder_.CreateInsertValue(PoisonValue::get(signature_.type->getReturnType()), read_sp(), 0);
    value = builder_.CreateInsertValue(both, value, 1);
  }
  builder_.CreateRet(value);
  builder_.SetInsertPoint(rest);
}

}  // namespace aotc
