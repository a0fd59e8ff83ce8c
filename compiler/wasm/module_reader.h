// module_reader.h - read_module's inside: wabt's callbacks, one for each thing in a module. The sole user of wabt, with
// the two files that define it: read_module.cpp what is outside of function bodies, read_body.cpp what is inside.
#pragma once

#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "module.h"
#include "wabt/binary-reader-nop.h"
#include "wabt/binary-reader.h"
#include "wabt/shared-validator.h"

namespace aotc {

class ModuleReader final : public wabt::BinaryReaderNop {
 public:
  using Address = wabt::Address;
  using ExternalKind = wabt::ExternalKind;
  using Index = wabt::Index;
  using Offset = wabt::Offset;
  using Opcode = wabt::Opcode;
  using Result = wabt::Result;
  using Type = wabt::Type;

  // Reads all but the bodies of other parts.
  explicit ModuleReader(llvm::ArrayRef<uint8_t> wasm, unsigned part = 0, unsigned parts = 1);
  ModuleReader(const ModuleReader&) = delete;

  // Whether everything that it read is valid.
  bool read();
  llvm::Error take_error(const std::string& module_name) const;
  // Adds what another part has read; false if the two together are more than one may be.
  bool take_bodies(ModuleReader& other);
  Module take_module();

  // The first error of wabt's reader; follow-ups ("callback failed") are dropped.
  bool OnError(const wabt::Error& error) override {
    if (error.error_level == wabt::ErrorLevel::Error) (void)fail_at(error.loc.offset, explain(error));
    return true;
  }

  // Types.
  Result OnTypeCount(Index count) override;
  Result OnFuncType(Index, Index params, Type* param_types, Index results, Type* result_types) override;

  // Imports.
  Result OnImport(Index, ExternalKind kind, std::string_view module, std::string_view field) override;
  Result OnImportFunc(Index, std::string_view module, std::string_view field, Index, Index type) override;

  // Declarations.
  Result OnFunctionCount(Index count) override;
  Result OnFunction(Index, Index type) override;
  Result OnTableCount(Index count) override;
  Result OnTable(Index, Type type, const wabt::Limits* limits) override;
  Result OnMemoryCount(Index count) override;
  Result OnMemory(Index, const wabt::Limits* limits) override;
  Result BeginTagSection(Offset) override { return unsupported("exceptions", "tag section"); }
  Result OnExport(Index, ExternalKind kind, Index index, std::string_view name) override;
  Result OnStartFunction(Index function) override;
  Result BeginGlobal(Index, Type type, bool is_mutable) override;
  Result BeginGlobalInitExpr(Index) override;
  Result EndGlobalInitExpr(Index) override;

  // Segments.
  Result BeginElemSegment(Index, Index table, uint8_t flags) override;
  Result BeginElemSegmentInitExpr(Index) override { return begin_init(Type::I32); }
  Result EndElemSegmentInitExpr(Index) override;
  Result OnElemSegmentElemType(Index, Type type) override;
  Result OnElemSegmentElemExprCount(Index, Index count) override;
  Result OnElemSegmentElemExpr_RefNull(Index, Type type) override;
  Result OnElemSegmentElemExpr_RefFunc(Index, Index function) override;
  Result OnDataCount(Index count) override;
  Result OnDataSegmentCount(Index count) override;
  Result BeginDataSegment(Index, Index memory, uint8_t flags) override;
  Result BeginDataSegmentInitExpr(Index) override { return begin_init(Type::I32); }
  Result EndDataSegmentInitExpr(Index) override;
  Result OnDataSegmentData(Index, const void* data, Address size) override;
  Result EndModule() override;

  // Bodies.
  Result BeginFunctionBody(Index function, Offset size) override;
  Result OnLocalDecl(Index, Index count, Type type) override;
  Result EndFunctionBody(Index function) override;

  // Instructions. OnOpcode comes first, then after the immediates one of the others.
  Result OnOpcode(Opcode opcode) override;
  Result OnUnreachableExpr() override { return simple(validator_.OnUnreachable(at())); }
  Result OnNopExpr() override { return simple(validator_.OnNop(at())); }
  Result OnBlockExpr(Type type) override;
  Result OnLoopExpr(Type type) override;
  Result OnIfExpr(Type type) override;
  Result OnElseExpr() override;
  Result OnEndExpr() override;
  Result OnBrExpr(Index depth) override;
  Result OnBrIfExpr(Index depth) override;
  Result OnBrTableExpr(Index count, Index* targets, Index default_target) override;
  Result OnReturnExpr() override;
  Result OnCallExpr(Index function) override;
  Result OnCallIndirectExpr(Index type, Index table) override;
  Result OnDropExpr() override { return simple(validator_.OnDrop(at())); }
  Result OnSelectExpr(Index count, Type* types) override;
  Result OnLocalGetExpr(Index i) override { return simple(validator_.OnLocalGet(at(), var(i)), i); }
  Result OnLocalSetExpr(Index i) override { return simple(validator_.OnLocalSet(at(), var(i)), i); }
  Result OnLocalTeeExpr(Index i) override { return simple(validator_.OnLocalTee(at(), var(i)), i); }
  Result OnGlobalGetExpr(Index i) override { return simple(validator_.OnGlobalGet(at(), var(i)), i); }
  Result OnGlobalSetExpr(Index i) override { return simple(validator_.OnGlobalSet(at(), var(i)), i); }
  Result OnTableGetExpr(Index t) override { return simple(validator_.OnTableGet(at(), var(t)), t); }
  Result OnTableSetExpr(Index t) override { return simple(validator_.OnTableSet(at(), var(t)), t); }
  Result OnTableSizeExpr(Index t) override { return simple(validator_.OnTableSize(at(), var(t)), t); }
  Result OnTableGrowExpr(Index t) override { return simple(validator_.OnTableGrow(at(), var(t)), t); }
  Result OnTableFillExpr(Index t) override { return simple(validator_.OnTableFill(at(), var(t)), t); }
  Result OnTableCopyExpr(Index to, Index from) override {
    return simple(validator_.OnTableCopy(at(), var(to), var(from)), to, from);
  }
  Result OnTableInitExpr(Index segment, Index table) override {
    return simple(validator_.OnTableInit(at(), var(segment), var(table)), segment, table);
  }
  Result OnElemDropExpr(Index s) override { return simple(validator_.OnElemDrop(at(), var(s)), s); }
  Result OnLoadExpr(Opcode opcode, Index memory, Address align_log2, Address offset) override {
    return simple(validator_.OnLoad(at(), opcode, var(memory), Address{1} << align_log2), offset);
  }
  Result OnStoreExpr(Opcode opcode, Index memory, Address align_log2, Address offset) override {
    return simple(validator_.OnStore(at(), opcode, var(memory), Address{1} << align_log2), offset);
  }
  Result OnMemorySizeExpr(Index m) override { return simple(validator_.OnMemorySize(at(), var(m))); }
  Result OnMemoryGrowExpr(Index m) override { return simple(validator_.OnMemoryGrow(at(), var(m))); }
  Result OnMemoryFillExpr(Index m) override { return simple(validator_.OnMemoryFill(at(), var(m))); }
  Result OnMemoryCopyExpr(Index from, Index to) override {
    return simple(validator_.OnMemoryCopy(at(), var(from), var(to)));
  }
  Result OnMemoryInitExpr(Index segment, Index memory) override {
    return simple(validator_.OnMemoryInit(at(), var(segment), var(memory)), segment);
  }
  Result OnDataDropExpr(Index s) override { return simple(validator_.OnDataDrop(at(), var(s)), s); }
  Result OnI32ConstExpr(uint32_t bits) override { return constant(Type::I32, bits); }
  Result OnI64ConstExpr(uint64_t bits) override { return constant(Type::I64, bits); }
  Result OnF32ConstExpr(uint32_t bits) override { return constant(Type::F32, bits); }
  Result OnF64ConstExpr(uint64_t bits) override { return constant(Type::F64, bits); }
  Result OnUnaryExpr(Opcode opcode) override { return simple(validator_.OnUnary(at(), opcode)); }
  Result OnBinaryExpr(Opcode opcode) override { return simple(validator_.OnBinary(at(), opcode)); }
  Result OnCompareExpr(Opcode opcode) override { return simple(validator_.OnCompare(at(), opcode)); }
  Result OnConvertExpr(Opcode opcode) override { return simple(validator_.OnConvert(at(), opcode)); }
  Result OnRefNullExpr(Type type) override;
  Result OnRefIsNullExpr() override { return simple(validator_.OnRefIsNull(at())); }
  Result OnRefFuncExpr(Index function) override;

 private:
  // An open block, or at the bottom the function itself.
  struct OpenBlock {
    uint32_t start;     // of the instruction whose imm waits for the end: block, loop, if, later else
    uint32_t operands;  // parameters and results, counted against kMaxBlockOperands
    bool is_function;
  };

  wabt::Location at() const { return wabt::Location(instr_offset_); }
  wabt::Location here() const { return wabt::Location(state->offset); }
  wabt::Var var(Index index) const { return wabt::Var(index, at()); }

  Result fail_at(size_t offset, std::string message);
  Result fail(std::string message) { return fail_at(state->offset, std::move(message)); }
  Result fail_instr(std::string message) { return fail_at(instr_offset_, std::move(message)); }
  Result unsupported(const std::string& feature, const std::string& what) {
    return fail("unsupported feature: " + feature + " (" + what + ")");
  }
  // Turns the validator's complaint, if there is one, into the error.
  Result check(Result result);
  std::string explain(const wabt::Error& error) const;

  uint32_t prefix_offset(uint8_t prefix) const;
  Result refuse(Opcode opcode);

  // Refuses value types we do not compile.
  Result check_type(Type type);
  static ValueType value_type(Type type) { return static_cast<ValueType>(static_cast<uint8_t>(type & 0x7f)); }

  Result emit(uint64_t imm = 0, int16_t block_type = -1) {
    code_.push_back({op_, block_type, instr_offset_, imm});
    return Result::Ok;
  }
  Result simple(Result valid, uint64_t low = 0, uint64_t high = 0) {
    if (Failed(valid)) return check(valid);
    return in_init_ ? Result(Result::Ok) : emit(low | high << 32);
  }
  Result constant(Type type, uint64_t bits);
  Result open_block(Type type);
  Result check_operands();
  Result charge(uint64_t operands);
  Result charge_branch(Index depth) {
    return charge(depth < open_.size() ? open_[open_.size() - 1 - depth].operands : 0);
  }
  Result begin_init(Type type);
  Result end_init();
  bool too_much_work() const;
  // wabt looks at this once for each body, after BeginFunctionBody.
  bool skips_body() const { return options_.skip_function_bodies; }

  llvm::ArrayRef<uint8_t> wasm_;
  const unsigned part_, parts_;
  wabt::ReadBinaryOptions options_;
  wabt::Errors validator_errors_;
  wabt::SharedValidator validator_;
  Module module_;

  bool failed_ = false;
  size_t error_offset_ = 0;
  std::string error_message_;
  int64_t current_function_ = -1;

  llvm::StringMap<uint32_t> canonical_;  // encoded signature to index into Module::types
  std::vector<uint32_t> type_map_;       // the module's type indices to ours
  uint32_t mutable_globals_ = 0;
  uint64_t total_table_size_ = 0;
  uint64_t total_locals_ = 0;
  uint32_t data_count_ = 0;
  bool has_data_count_ = false;

  bool in_init_ = false, init_ended_ = false;
  uint64_t init_value_ = 0;

  Op op_ = Op::Nop;
  uint32_t instr_offset_ = 0;
  std::vector<Instr> code_;  // of the current body; copied to its exact size at the end
  std::vector<OpenBlock> open_;
  uint64_t open_operands_ = 0;
  uint64_t work_ = 0;  // operands that validation has looked at, see charge()
};

}  // namespace aotc
