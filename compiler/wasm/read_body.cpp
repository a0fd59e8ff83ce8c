// read_body.cpp - function bodies: locals and instructions. Part of read_module; see there for the idea.
#include <array>

#include "limits.h"
#include "llvm/ADT/StringExtras.h"
#include "module_reader.h"

namespace aotc {

using namespace llvm;

namespace {

using wabt::Index;
using wabt::Offset;
using wabt::Opcode;
using wabt::Result;
using wabt::Type;

constexpr uint16_t kNoOp = 0xffff;

// A part reads what begins in each so many bytes of the module, before the next part's turn.
constexpr size_t kBodiesTogether = 64 << 10;

// wabt's dense opcode numbers to ours.
const std::array<uint16_t, Opcode::Invalid>& op_table() {
  static const auto table = [] {
    std::array<uint16_t, Opcode::Invalid> t;
    t.fill(kNoOp);
#define AOTC_OP(code, name, text) t[Opcode::FromCode((code) >> 8, (code) & 0xff)] = code;
#include "opcodes.def"
#undef AOTC_OP
    return t;
  }();
  return table;
}

// The proposal an opcode we do not accept belongs to, or null when there is none.
const char* feature_of(uint8_t prefix, uint8_t code) {
  if (prefix == 0xfd) return "simd";
  if (prefix == 0xfe) return "threads";
  if (prefix != 0) return nullptr;
  if ((code >= 0x06 && code <= 0x0a) || code == 0x18 || code == 0x19 || code == 0x1f) return "exceptions";
  if (code == 0x12 || code == 0x13) return "tail calls";
  if (code == 0x14 || code == 0x15 || (code >= 0xd4 && code <= 0xd6)) return "typed function references";
  if (code == 0xd3 || code == 0xfb) return "gc";
  if (code >= 0xe0 && code <= 0xe6) return "stack switching";
  return nullptr;
}

}  // namespace

// --- Bodies -------------------------------------------------------------------------------------------------------

Result ModuleReader::BeginFunctionBody(Index function, Offset size) {
  current_function_ = function;
  if (size > kMaxBodySize) return fail("function body is too large: " + std::to_string(size) + " bytes");
  if (size > wasm_.size() - state->offset) return fail("function body extends past the end of the module");
  options_.skip_function_bodies = state->offset / kBodiesTogether % parts_ != part_;
  if (skips_body()) return Result::Ok;
  FunctionBody& body = module_.functions[function - module_.import_count()].body;
  body.offset = static_cast<uint32_t>(state->offset);
  body.size = static_cast<uint32_t>(size);
  body.locals = module_.type_of(function).params;
  code_.clear();
  open_.assign(1, {0, static_cast<uint32_t>(module_.type_of(function).results.size()), true});
  open_operands_ = 0;
  return check(validator_.BeginFunctionBody(here(), function));
}

Result ModuleReader::OnLocalDecl(Index, Index count, Type type) {
  if (skips_body()) return Result::Ok;
  CHECK_RESULT(check_type(type));
  std::vector<ValueType>& locals = module_.functions[current_function_ - module_.import_count()].body.locals;
  total_locals_ += count;
  if (count > kMaxLocals - locals.size()) return fail("too many locals");
  if (total_locals_ > kMaxTotalLocals) return fail("too many locals in all functions together");
  CHECK_RESULT(check(validator_.OnLocalDecl(here(), count, type)));
  locals.insert(locals.end(), count, value_type(type));
  return Result::Ok;
}

Result ModuleReader::EndFunctionBody(Index) {
  if (skips_body()) return Result::Ok;
  if (!open_.empty()) return fail("function body must end with end");
  module_.functions[current_function_ - module_.import_count()].body.code = code_;
  current_function_ = -1;
  return Result::Ok;
}

// Where the prefixed instruction whose opcode was just read starts; its code is an LEB128 of up to five bytes.
uint32_t ModuleReader::prefix_offset(uint8_t prefix) const {
  auto end = static_cast<uint32_t>(state->offset);
  for (uint32_t offset = end - 2; offset + 6 >= end; --offset)
    if (wasm_[offset] == prefix) return offset;
  return end - 1;
}

Result ModuleReader::refuse(Opcode opcode) {
  uint8_t first = wasm_[instr_offset_];
  std::string bytes = "0x" + utohexstr(first, true);
  // From 0xe0 on wabt has instructions of its interpreter's.
  bool has_name = !opcode.IsInvalid() && (opcode.HasPrefix() || first < 0xe0);
  if (const char* feature = feature_of(opcode.HasPrefix() ? first : 0, first))
    return fail_instr("unsupported feature: " + std::string(feature) + " (" +
                      (has_name ? opcode.GetName() : "opcode " + bytes) + ")");
  if (opcode.HasPrefix()) bytes += " 0x" + utohexstr(opcode.GetCode(), true);
  return fail_instr("unexpected opcode " + bytes);
}

// --- Instructions -------------------------------------------------------------------------------------------------

Result ModuleReader::OnOpcode(Opcode opcode) {
  uint16_t op = opcode.IsInvalid() ? kNoOp : op_table()[opcode];
  op_ = static_cast<Op>(op);
  instr_offset_ = static_cast<uint32_t>(state->offset - 1);
  if (op >= 0x100) {
    if (opcode.HasPrefix()) instr_offset_ = prefix_offset(opcode.GetPrefix());
    if (op == kNoOp) return refuse(opcode);
  }
  if (in_init_) {
    switch (op_) {
      case Op::I32Const:
      case Op::I64Const:
      case Op::F32Const:
      case Op::F64Const:
      case Op::RefNull:
      case Op::RefFunc:
      case Op::GlobalGet:
      case Op::End:
        return Result::Ok;
      case Op::I32Add:
      case Op::I32Sub:
      case Op::I32Mul:
      case Op::I64Add:
      case Op::I64Sub:
      case Op::I64Mul:
        return fail_instr("unsupported feature: extended constant expressions (" + std::string(op_text(op_)) + ")");
      default:
        return fail_instr(std::string(op_text(op_)) + " in a constant expression");
    }
  }
  if (open_.empty()) return fail_instr("instruction after the end of the function");
  return Result::Ok;
}

Result ModuleReader::constant(Type type, uint64_t bits) {
  CHECK_RESULT(check(validator_.OnConst(at(), type)));
  if (!in_init_) return emit(bits);
  init_value_ = bits;
  return Result::Ok;
}

// One instruction may push 900 operands; without a limit a small body could ask for gigabytes.
Result ModuleReader::check_operands() {
  if (validator_.type_stack_size() > kMaxOperands) return fail_instr("too many operands on the stack");
  return Result::Ok;
}

// Two bytes may call for 900 operands to be compared, and a branch table for that many per target. Real code has less
// than one per byte.
bool ModuleReader::too_much_work() const { return work_ > kMaxWorkPerByte * (wasm_.size() + 4096); }

Result ModuleReader::charge(uint64_t operands) {
  work_ += operands;
  return too_much_work() ? fail_instr("too many operands for the size of the module") : Result(Result::Ok);
}

// Types without parameters and with at most one result get the short form, so that equal blocks look equal.
Result ModuleReader::open_block(Type type) {
  int16_t block_type = -1;
  uint32_t operands = 0;
  if (type.IsIndex()) {
    uint32_t index = type_map_[type.GetIndex()];
    const FuncType& signature = module_.types[index];
    operands = static_cast<uint32_t>(signature.params.size() + signature.results.size());
    if (operands == 1 && signature.params.empty()) {
      block_type = static_cast<int16_t>(-2 - static_cast<int>(signature.results[0]));
    } else if (operands > 0) {
      if (index > kMaxBlockType) return fail_instr("too many types to use one in a block");
      block_type = static_cast<int16_t>(index);
    }
  } else if (type != Type::Void) {
    CHECK_RESULT(check_type(type));
    block_type = static_cast<int16_t>(-2 - static_cast<int>(value_type(type)));
    operands = 1;
  }
  if (open_.size() >= kMaxNesting) return fail_instr("blocks nest too deeply");
  CHECK_RESULT(charge(operands));
  open_operands_ += operands;
  if (open_operands_ > kMaxBlockOperands) return fail_instr("too many operands in nested blocks");
  open_.push_back({static_cast<uint32_t>(code_.size()), operands, false});
  CHECK_RESULT(check_operands());
  return emit(0, block_type);
}

Result ModuleReader::OnBlockExpr(Type type) {
  CHECK_RESULT(check(validator_.OnBlock(at(), type)));
  return open_block(type);
}

Result ModuleReader::OnLoopExpr(Type type) {
  CHECK_RESULT(check(validator_.OnLoop(at(), type)));
  return open_block(type);
}

Result ModuleReader::OnIfExpr(Type type) {
  CHECK_RESULT(check(validator_.OnIf(at(), type)));
  return open_block(type);
}

Result ModuleReader::OnElseExpr() {
  CHECK_RESULT(check(validator_.OnElse(at())));  // so the innermost block is an if without else
  auto index = static_cast<uint32_t>(code_.size());
  code_[open_.back().start].imm = index;
  open_.back().start = index;
  return emit();
}

Result ModuleReader::OnEndExpr() {
  if (in_init_) {
    init_ended_ = true;
    return Result::Ok;
  }
  OpenBlock block = open_.back();
  open_.pop_back();
  CHECK_RESULT(charge(block.operands));
  if (block.is_function) {
    CHECK_RESULT(check(validator_.EndFunctionBody(at())));
    return emit();
  }
  CHECK_RESULT(check(validator_.OnEnd(at())));
  open_operands_ -= block.operands;
  code_[block.start].imm = code_.size();
  CHECK_RESULT(check_operands());
  return emit();
}

Result ModuleReader::OnBrExpr(Index depth) {
  CHECK_RESULT(charge_branch(depth));
  return simple(validator_.OnBr(at(), var(depth)), depth);
}

Result ModuleReader::OnBrIfExpr(Index depth) {
  CHECK_RESULT(charge_branch(depth));
  return simple(validator_.OnBrIf(at(), var(depth)), depth);
}

Result ModuleReader::OnReturnExpr() {
  CHECK_RESULT(charge(open_.front().operands));
  return simple(validator_.OnReturn(at()));
}

Result ModuleReader::OnBrTableExpr(Index count, Index* targets, Index default_target) {
  std::vector<uint32_t>& list = module_.functions[current_function_ - module_.import_count()].body.br_targets;
  auto first = static_cast<uint32_t>(list.size());
  CHECK_RESULT(check(validator_.BeginBrTable(at())));
  for (Index i = 0; i < count; ++i) {
    CHECK_RESULT(charge_branch(targets[i]));
    CHECK_RESULT(check(validator_.OnBrTableTarget(at(), var(targets[i]))));
    list.push_back(targets[i]);
  }
  CHECK_RESULT(check(validator_.OnBrTableTarget(at(), var(default_target))));
  list.push_back(default_target);
  CHECK_RESULT(check(validator_.EndBrTable(at())));
  return emit(first | (uint64_t{count} + 1) << 32);
}

Result ModuleReader::OnCallExpr(Index function) {
  if (function < module_.function_count()) {
    const FuncType& type = module_.type_of(function);
    CHECK_RESULT(charge(type.params.size() + type.results.size()));
  }
  CHECK_RESULT(check(validator_.OnCall(at(), var(function))));
  CHECK_RESULT(check_operands());
  return emit(function);
}

Result ModuleReader::OnCallIndirectExpr(Index type, Index table) {
  if (type < type_map_.size()) {
    const FuncType& signature = module_.types[type_map_[type]];
    CHECK_RESULT(charge(signature.params.size() + signature.results.size()));
  }
  CHECK_RESULT(check(validator_.OnCallIndirect(at(), var(type), var(table))));
  CHECK_RESULT(check_operands());
  return emit(type_map_[type] | uint64_t{table} << 32);
}

Result ModuleReader::OnSelectExpr(Index count, Type* types) {
  if (op_ == Op::SelectT) {
    if (count != 1) return fail_instr("select must have one result type");
    CHECK_RESULT(check_type(types[0]));
  }
  return simple(validator_.OnSelect(at(), count, types));
}

Result ModuleReader::OnRefNullExpr(Type type) {
  CHECK_RESULT(check_type(type));
  CHECK_RESULT(check(validator_.OnRefNull(at(), type)));
  if (!in_init_) return emit();
  init_value_ = 0;
  return Result::Ok;
}

Result ModuleReader::OnRefFuncExpr(Index function) {
  CHECK_RESULT(check(validator_.OnRefFunc(at(), var(function))));
  if (!in_init_) return emit(function);
  init_value_ = uint64_t{function} + 1;
  return Result::Ok;
}

}  // namespace aotc
