// lower_memory.cpp - linear memory, globals, tables and bulk operations.
//
// An access is a load or store in address space 256 (the base register) at zext(index) + offset. Nothing is checked: an
// index is below 2^32, an offset too, and the reservation behind the base covers their sum. For Go-shaped modules an
// `add` of a small positive constant in the index is folded into the offset although wasm says it wraps at 2^32: an
// access that would have wrapped faults in the reservation instead. That keeps all accesses of a frame relative to one
// stack pointer, which alias analysis and the addressing modes both need. A negative constant is never folded: it could
// reach the instance context below the base. The same holds for a symbol, which is a small positive constant as well.
//
// A load whose result is unused must still trap, but LLVM deletes it. Go-shaped modules accept that (Go checks nil
// itself); in all others loads are volatile.
#include "aotc/abi.h"
#include "function_lowering.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr uint64_t kMaxFolded = 1ull << 31;

// Takes constants out of the sums that make up an address.
class ConstantFolder {
 public:
  explicit ConstantFolder(IRBuilder<>& builder) : builder_(builder) {}

  // Returns the remainder of `index`, to which folded() has to be added without wrapping.
  Value* fold(Value* index) {
    if (is_symbol(index)) return symbol_ = index, builder_.getInt32(0);
    auto* truncated = dyn_cast<TruncInst>(index);
    if (!truncated) return strip(index, kDepth);
    Value* wide = truncated->getOperand(0);
    Value* rest = strip(wide, kDepth);
    if (rest == wide) return index;
    auto* extended = dyn_cast<ZExtInst>(rest);
    return extended && extended->getSrcTy()->isIntegerTy(32) ? extended->getOperand(0)
                                                             : builder_.CreateTrunc(rest, builder_.getInt32Ty());
  }
  uint64_t folded() const { return folded_; }
  // The symbol that is part of the sum, or null.
  Value* symbol() const { return symbol_; }

 private:
  static constexpr unsigned kDepth = 3;

  static bool is_symbol(const Value* value) { return isa<Constant>(value) && isa<PtrToIntOperator>(value); }

  Value* strip(Value* value, unsigned depth) {
    auto* sum = dyn_cast<BinaryOperator>(value);
    if (!sum || sum->getOpcode() != Instruction::Add || depth == 0) return value;
    Value* left = sum->getOperand(0);
    Value* right = sum->getOperand(1);
    auto* constant = dyn_cast<ConstantInt>(right);
    if (constant && constant->getValue().ult(kMaxFolded - folded_)) {
      folded_ += constant->getZExtValue();
      return strip(left, depth - 1);
    }
    for (auto [one, other] : {std::pair{left, right}, {right, left}})
      if (!symbol_ && is_symbol(one)) return symbol_ = one, strip(other, depth - 1);
    Value* new_left = strip(left, depth - 1);
    Value* new_right = constant ? right : strip(right, depth - 1);
    return new_left == left && new_right == right ? value : builder_.CreateAdd(new_left, new_right);
  }

  IRBuilder<>& builder_;
  uint64_t folded_ = 0;
  Value* symbol_ = nullptr;
};

}  // namespace

Value* FunctionLowering::address(Value* index, uint64_t offset) {
  ConstantFolder folder(builder_);
  if (unit_.is_go) index = folder.fold(index);
  Value* wide = builder_.CreateZExt(index, builder_.getInt64Ty());
  Value* pointer = builder_.CreateIntToPtr(wide, builder_.getPtrTy(ContextAccess::kBaseSpace));
  if (auto* symbol = cast_or_null<PtrToIntOperator>(folder.symbol()))
    pointer = builder_.CreateGEP(builder_.getInt8Ty(), pointer,
                                 builder_.CreatePtrToInt(symbol->getOperand(0), builder_.getInt64Ty()));
  if (offset + folder.folded() == 0) return pointer;
  return builder_.CreateGEP(builder_.getInt8Ty(), pointer, builder_.getInt64(offset + folder.folded()));
}

void FunctionLowering::load(const Instr& instr, Type* memory_type, Type* type, bool is_signed) {
  Value* pointer = address(pop(), instr.imm);
  LoadInst* load = builder_.CreateAlignedLoad(memory_type, pointer, Align(1), !unit_.is_go);
  access_.tag_memory(load);
  if (!unit_.is_go) load->setDebugLoc(location());
  Value* value = load;
  if (memory_type != type) value = is_signed ? builder_.CreateSExt(load, type) : builder_.CreateZExt(load, type);
  push(value);
}

void FunctionLowering::store(const Instr& instr, Type* memory_type) {
  Value* value = pop();
  Value* pointer = address(pop(), instr.imm);
  if (memory_type != value->getType()) value = builder_.CreateTrunc(value, memory_type);
  StoreInst* store = builder_.CreateAlignedStore(value, pointer, Align(1));
  access_.tag_memory(store);
  if (!unit_.is_go) store->setDebugLoc(location());
}

bool FunctionLowering::memory(const Instr& instr) {
  Type* i8 = builder_.getInt8Ty();
  Type* i16 = builder_.getInt16Ty();
  Type* i32 = builder_.getInt32Ty();
  Type* i64 = builder_.getInt64Ty();
  Type* f32 = builder_.getFloatTy();
  Type* f64 = builder_.getDoubleTy();
  switch (instr.op) {
    case Op::I32Load:
      load(instr, i32, i32, false);
      return true;
    case Op::I64Load:
      load(instr, i64, i64, false);
      return true;
    case Op::F32Load:
      load(instr, f32, f32, false);
      return true;
    case Op::F64Load:
      load(instr, f64, f64, false);
      return true;
    case Op::I32Load8S:
      load(instr, i8, i32, true);
      return true;
    case Op::I32Load8U:
      load(instr, i8, i32, false);
      return true;
    case Op::I32Load16S:
      load(instr, i16, i32, true);
      return true;
    case Op::I32Load16U:
      load(instr, i16, i32, false);
      return true;
    case Op::I64Load8S:
      load(instr, i8, i64, true);
      return true;
    case Op::I64Load8U:
      load(instr, i8, i64, false);
      return true;
    case Op::I64Load16S:
      load(instr, i16, i64, true);
      return true;
    case Op::I64Load16U:
      load(instr, i16, i64, false);
      return true;
    case Op::I64Load32S:
      load(instr, i32, i64, true);
      return true;
    case Op::I64Load32U:
      load(instr, i32, i64, false);
      return true;
    case Op::I32Store:
      store(instr, i32);
      return true;
    case Op::I64Store:
      store(instr, i64);
      return true;
    case Op::F32Store:
      store(instr, f32);
      return true;
    case Op::F64Store:
      store(instr, f64);
      return true;
    case Op::I32Store8:
    case Op::I64Store8:
      store(instr, i8);
      return true;
    case Op::I32Store16:
    case Op::I64Store16:
      store(instr, i16);
      return true;
    case Op::I64Store32:
      store(instr, i32);
      return true;

    case Op::LocalGet:
      push(ssa_.read(instr.low(), here()));
      return true;
    case Op::LocalSet:
      ssa_.write(instr.low(), here(), pop());
      return true;
    case Op::LocalTee:
      ssa_.write(instr.low(), here(), ssa_.resolve(stack_.back()));
      return true;
    case Op::GlobalGet:
      global_get(instr.low());
      return true;
    case Op::GlobalSet:
      global_set(instr.low());
      return true;

    case Op::MemorySize:
      push(builder_.CreateTrunc(builder_.CreateLShr(access_.load(i64, AOTC_TAIL_MEMORY_SIZE), 16), i32));
      return true;
    case Op::MemoryGrow:
      push(access_.call_helper(AOTC_HELPER_MEMORY_GROW, i32, {pop()}));
      return true;
    case Op::MemoryCopy:
    case Op::MemoryFill: {
      Value* size = pop();
      Value* second = pop();
      Value* first = pop();
      auto helper = instr.op == Op::MemoryCopy ? AOTC_HELPER_MEMORY_COPY : AOTC_HELPER_MEMORY_FILL;
      access_.call_helper(helper, builder_.getVoidTy(), {first, second, size});
      return true;
    }
    case Op::MemoryInit: {
      Value* size = pop();
      Value* source = pop();
      Value* destination = pop();
      access_.call_helper(AOTC_HELPER_MEMORY_INIT, builder_.getVoidTy(),
                          {builder_.getInt32(instr.low()), destination, source, size});
      return true;
    }
    case Op::DataDrop:
      access_.call_helper(AOTC_HELPER_DATA_DROP, builder_.getVoidTy(), {builder_.getInt32(instr.low())});
      return true;
    default:
      return table(instr);
  }
}

void FunctionLowering::global_get(uint32_t index) {
  const UnitGlobal& global = unit_.globals[index];
  Type* type = llvm_type(context_, global.type);
  if (index == 0 && unit_.is_go) {
    push(read_sp());
  } else if (global.slot >= 0) {
    push(access_.load(type, AOTC_GLOBAL_OFFSET(global.slot)));
  } else {
    Constant* bits = ConstantInt::get(builder_.getIntNTy(type->getScalarSizeInBits()), global.init);
    push(ConstantExpr::getBitCast(bits, type));
  }
}

void FunctionLowering::global_set(uint32_t index) {
  Value* value = pop();
  if (index == 0 && unit_.is_go) {
    write_sp(value);
  } else {
    access_.store(value, AOTC_GLOBAL_OFFSET(unit_.globals[index].slot));
  }
}

// Address of an entry of a table that can change, after the bounds check.
Value* FunctionLowering::table_entry_address(uint32_t table, Value* index, aotc_trap code) {
  int64_t descriptor = AOTC_TABLES_OFFSET + AOTC_SLOT_SIZE * unit_.tables[table].descriptor;
  Value* size = access_.load(builder_.getInt32Ty(), descriptor + 8);
  auto* constant = dyn_cast<ConstantInt>(index);
  // Not only the half that matters, which nobody could tell from any other number.
  if (constant) cast<LoadInst>(size)->setVolatile(true);
  bool is_outside = constant && constant->getZExtValue() >= unit_.tables[table].max;
  trap_if(is_outside ? builder_.getTrue() : builder_.CreateICmpUGE(index, size), code);
  Value* entries = access_.load(builder_.getPtrTy(), descriptor);
  return builder_.CreateGEP(builder_.getInt32Ty(), entries, builder_.CreateZExt(index, builder_.getInt64Ty()));
}

bool FunctionLowering::table(const Instr& instr) {
  Type* i32 = builder_.getInt32Ty();
  Type* none = builder_.getVoidTy();
  auto descriptor = [&](uint32_t table) { return static_cast<uint32_t>(unit_.tables[table].descriptor); };
  switch (instr.op) {
    case Op::RefNull:
      push(builder_.getInt32(0));
      return true;
    case Op::RefFunc:
      push(builder_.getInt32(instr.low() + 1));
      return true;
    case Op::RefIsNull:
      push(builder_.CreateZExt(builder_.CreateICmpEQ(pop(), builder_.getInt32(0)), i32));
      return true;
    case Op::TableGet: {
      Value* entry = table_entry_address(instr.low(), pop(), AOTC_TRAP_OUT_OF_BOUNDS_TABLE);
      push(builder_.CreateAlignedLoad(i32, entry, Align(4)));
      return true;
    }
    case Op::TableSet: {
      Value* value = pop();
      Value* entry = table_entry_address(instr.low(), pop(), AOTC_TRAP_OUT_OF_BOUNDS_TABLE);
      builder_.CreateAlignedStore(value, entry, Align(4));
      return true;
    }
    case Op::TableSize:
      push(access_.load(i32, AOTC_TABLES_OFFSET + AOTC_SLOT_SIZE * static_cast<int64_t>(descriptor(instr.low())) + 8));
      return true;
    case Op::TableGrow: {
      Value* count = pop();
      Value* value = pop();
      push(
          access_.call_helper(AOTC_HELPER_TABLE_GROW, i32, {builder_.getInt32(descriptor(instr.low())), value, count}));
      return true;
    }
    case Op::TableFill: {
      Value* count = pop();
      Value* value = pop();
      Value* start = pop();
      access_.call_helper(AOTC_HELPER_TABLE_FILL, none,
                          {builder_.getInt32(descriptor(instr.low())), start, value, count});
      return true;
    }
    case Op::TableInit:
    case Op::TableCopy: {
      bool is_copy = instr.op == Op::TableCopy;
      uint32_t selector = is_copy ? descriptor(instr.low()) << 8 | descriptor(instr.high())
                                  : instr.low() << 8 | descriptor(instr.high());
      Value* count = pop();
      Value* source = pop();
      Value* destination = pop();
      access_.call_helper(is_copy ? AOTC_HELPER_TABLE_COPY : AOTC_HELPER_TABLE_INIT, none,
                          {builder_.getInt32(selector), destination, source, count});
      return true;
    }
    case Op::ElemDrop:
      access_.call_helper(AOTC_HELPER_ELEM_DROP, none, {builder_.getInt32(instr.low())});
      return true;
    default:
      return false;
  }
}

}  // namespace aotc
