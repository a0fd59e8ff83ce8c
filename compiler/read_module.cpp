// read_module.cpp - wasm bytes to Module: parse and validate in one pass. The sole user of wabt.
//
// wabt's ReadBinary decodes and calls back once per instruction; each callback first asks wabt's SharedValidator, then
// appends one Instr. The block structure is matched on the way with an explicit stack, so nesting costs heap, not
// native stack. wabt's IR reader lost because it refuses more than 16,384 nested blocks, which real Go programs have.
//
// Hostile input. wabt bounds every count by the bytes that are left, so what remains dangerous is amplification: a few
// bytes that declare many locals, name a type with many operands, or nest blocks of such types. Each has a limit below,
// checked before memory is spent. Names are kept short before they reach wabt, whose messages are built with alloca.
//
// Unsupported features are recognised in OnOpcode and in the declaration callbacks, before wabt's own reaction, so that
// the message can name the feature.
#include "read_module.h"

#include <array>

#include "aotc/abi.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "name_section.h"
#include "wabt/binary-reader-nop.h"
#include "wabt/binary-reader.h"
#include "wabt/shared-validator.h"

namespace aotc {
namespace {

using wabt::Address;
using wabt::ExternalKind;
using wabt::Index;
using wabt::Offset;
using wabt::Opcode;
using wabt::Result;
using wabt::Type;

// Counts of the kind the JavaScript API limits, plus limits on what a module can make us allocate per byte.
constexpr size_t kMaxModuleSize = 1u << 30;
constexpr uint32_t kMaxFunctions = 1'000'000;
constexpr uint32_t kMaxTypes = 1'000'000;
constexpr uint32_t kMaxBlockType = INT16_MAX;  // what Instr::block_type holds
constexpr uint32_t kMaxArity = 900;            // parameters or results; they must fit the scratch slots
constexpr uint32_t kMaxBodySize = 7'654'321;
constexpr uint32_t kMaxLocals = 50'000;
constexpr uint64_t kMaxTotalLocals = 100'000'000;
constexpr uint64_t kMaxTableSize = 10'000'000;  // all tables together
constexpr uint32_t kMaxNameSize = 65'536;
constexpr size_t kMaxOperands = 1'000'000;
constexpr size_t kMaxNesting = 100'000;            // Go's PC_B has 16 bits: at most 65,536 nested blocks
constexpr uint64_t kMaxBlockOperands = 1'000'000;  // sum over all open blocks

constexpr uint16_t kNoOp = 0xffff;

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
  return nullptr;
}

const char* kind_name(uint32_t kind) {
  static const char* const names[] = {"function", "table", "memory", "global", "tag"};
  return kind < std::size(names) ? names[kind] : "unknown kind";
}

class Reader final : public wabt::BinaryReaderNop {
 public:
  Reader(llvm::ArrayRef<uint8_t> wasm, const wabt::Features& features)
      : wasm_(wasm), validator_(&validator_errors_, wabt::ValidateOptions(features)) {}

  llvm::Error take_error(const std::string& module_name) const;
  bool failed() const { return failed_; }
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
  Result OnBrExpr(Index depth) override { return simple(validator_.OnBr(at(), var(depth)), depth); }
  Result OnBrIfExpr(Index depth) override { return simple(validator_.OnBrIf(at(), var(depth)), depth); }
  Result OnBrTableExpr(Index count, Index* targets, Index default_target) override;
  Result OnReturnExpr() override { return simple(validator_.OnReturn(at())); }
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
  Result begin_init(Type type);
  Result end_init();

  llvm::ArrayRef<uint8_t> wasm_;
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

  bool in_init_ = false;
  uint64_t init_value_ = 0;

  Op op_ = Op::Nop;
  uint32_t instr_offset_ = 0;
  std::vector<Instr> code_;  // of the current body; copied to its exact size at the end
  std::vector<OpenBlock> open_;
  uint64_t open_operands_ = 0;
};

// --- Errors -------------------------------------------------------------------------------------------------------

Result Reader::fail_at(size_t offset, std::string message) {
  if (!failed_) {
    failed_ = true;
    error_offset_ = offset;
    error_message_ = std::move(message);
  }
  return Result::Error;
}

Result Reader::check(Result result) {
  if (Succeeded(result)) return result;
  if (validator_errors_.empty()) return fail_instr("invalid instruction");
  return fail_at(validator_errors_.front().loc.offset, validator_errors_.front().message);
}

// wabt's reader knows some features only as malformed bytes.
std::string Reader::explain(const wabt::Error& error) const {
  if (llvm::StringRef(error.message).starts_with("unexpected type form") && state->offset > 0) {
    uint8_t form = wasm_[state->offset - 1];
    if (form >= 0x4e && form <= 0x5f)
      return "unsupported feature: gc (type form 0x" + llvm::utohexstr(form, true) + ")";
  }
  return error.message;
}

llvm::Error Reader::take_error(const std::string& module_name) const {
  std::string message = error_message_;
  for (char& c : message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  while (!message.empty() && message.back() == '.') message.pop_back();
  if (!message.empty()) message[0] = llvm::toLower(message[0]);

  std::string where;
  if (current_function_ >= 0) {
    std::string name = find_function_name(wasm_, static_cast<uint32_t>(current_function_));
    where = "function " + std::to_string(current_function_) + (name.empty() ? "" : " (" + name + ")") + ": ";
  }
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s: %soffset 0x%zx: %s", module_name.c_str(),
                                 where.c_str(), error_offset_, message.c_str());
}

// --- Types and imports --------------------------------------------------------------------------------------------

Result Reader::check_type(Type type) {
  switch (type) {
    case Type::I32:
    case Type::I64:
    case Type::F32:
    case Type::F64:
    case Type::FuncRef:
      return Result::Ok;
    case Type::V128:
      return unsupported("simd", "v128");
    case Type::ExternRef:
      return unsupported("externref", "externref");
    default:
      return fail("unsupported value type " + type.GetName());
  }
}

Result Reader::OnTypeCount(Index count) {
  if (count > kMaxTypes) return fail("too many types: " + std::to_string(count));
  type_map_.reserve(count);
  return Result::Ok;
}

Result Reader::OnFuncType(Index index, Index params, Type* param_types, Index results, Type* result_types) {
  if (params > kMaxArity) return fail("too many parameters: " + std::to_string(params));
  if (results > kMaxArity) return fail("too many results: " + std::to_string(results));
  FuncType type;
  std::string key;
  for (Index i = 0; i < params; ++i) {
    CHECK_RESULT(check_type(param_types[i]));
    type.params.push_back(value_type(param_types[i]));
    key.push_back(static_cast<char>(type.params.back()));
  }
  key.push_back(0);
  for (Index i = 0; i < results; ++i) {
    CHECK_RESULT(check_type(result_types[i]));
    type.results.push_back(value_type(result_types[i]));
    key.push_back(static_cast<char>(type.results.back()));
  }
  CHECK_RESULT(check(validator_.OnFuncType(here(), params, param_types, results, result_types, index)));
  auto [entry, is_new] = canonical_.try_emplace(key, module_.types.size());
  if (is_new) module_.types.push_back(std::move(type));
  type_map_.push_back(entry->second);
  return Result::Ok;
}

Result Reader::OnImport(Index, ExternalKind kind, std::string_view module, std::string_view field) {
  if (module.size() > kMaxNameSize || field.size() > kMaxNameSize) return fail("import name is too long");
  if (kind != ExternalKind::Func)
    return unsupported("import of a " + std::string(kind_name(static_cast<uint32_t>(kind))),
                       std::string(module) + "." + std::string(field));
  if (module.find('\0') != module.npos || field.find('\0') != field.npos)
    return fail("import name contains a zero byte");
  return Result::Ok;
}

Result Reader::OnImportFunc(Index, std::string_view module, std::string_view field, Index, Index type) {
  if (module_.imports.size() >= kMaxFunctions) return fail("too many imports");
  CHECK_RESULT(check(validator_.OnFunction(here(), wabt::Var(type, here()))));
  module_.imports.push_back({std::string(module), std::string(field), type_map_[type]});
  return Result::Ok;
}

// --- Functions, tables, memory, globals, exports ------------------------------------------------------------------

Result Reader::OnFunctionCount(Index count) {
  if (count + module_.imports.size() > kMaxFunctions) return fail("too many functions: " + std::to_string(count));
  module_.functions.reserve(count);
  return Result::Ok;
}

Result Reader::OnFunction(Index, Index type) {
  CHECK_RESULT(check(validator_.OnFunction(here(), wabt::Var(type, here()))));
  module_.functions.push_back({type_map_[type], {}});
  return Result::Ok;
}

Result Reader::OnTableCount(Index count) {
  return count > AOTC_MAX_TABLES ? fail("too many tables: " + std::to_string(count)) : Result(Result::Ok);
}

Result Reader::OnTable(Index, Type type, const wabt::Limits* limits) {
  CHECK_RESULT(check_type(type));
  CHECK_RESULT(check(validator_.OnTable(here(), type, *limits)));
  total_table_size_ += limits->initial;
  if (total_table_size_ > kMaxTableSize) return fail("tables are too large: " + std::to_string(total_table_size_));
  module_.tables.push_back(
      {static_cast<uint32_t>(limits->initial), limits->has_max ? static_cast<uint32_t>(limits->max) : 0xffffffffu});
  return Result::Ok;
}

Result Reader::OnMemoryCount(Index count) {
  return count > 1 ? unsupported("multi-memory", std::to_string(count) + " memories") : Result(Result::Ok);
}

Result Reader::OnMemory(Index, const wabt::Limits* limits) {
  if (limits->is_64) return unsupported("memory64", "64-bit memory");
  if (limits->is_shared) return unsupported("threads", "shared memory");
  CHECK_RESULT(check(validator_.OnMemory(here(), *limits)));
  module_.has_memory = true;
  module_.memory_min = static_cast<uint32_t>(limits->initial);
  if (limits->has_max) module_.memory_max = static_cast<uint32_t>(limits->max);
  return Result::Ok;
}

Result Reader::BeginGlobal(Index, Type type, bool is_mutable) {
  CHECK_RESULT(check_type(type));
  if (is_mutable && ++mutable_globals_ > AOTC_MAX_GLOBALS) return fail("too many mutable globals");
  CHECK_RESULT(check(validator_.OnGlobal(here(), type, is_mutable)));
  module_.globals.push_back({value_type(type), is_mutable});
  return Result::Ok;
}

Result Reader::BeginGlobalInitExpr(Index) {
  return begin_init(Type(-0x80 | static_cast<int32_t>(module_.globals.back().type)));
}

Result Reader::EndGlobalInitExpr(Index) {
  CHECK_RESULT(end_init());
  module_.globals.back().init[0] = init_value_;
  return Result::Ok;
}

Result Reader::OnExport(Index, ExternalKind kind, Index index, std::string_view name) {
  if (name.size() > kMaxNameSize) return fail("export name is too long");
  if (name.find('\0') != name.npos) return fail("export name contains a zero byte");
  if (kind > ExternalKind::Global) return unsupported("exceptions", "exported tag");
  CHECK_RESULT(check(validator_.OnExport(here(), kind, wabt::Var(index, here()), name)));
  module_.exports.push_back({std::string(name), static_cast<uint8_t>(kind), index});
  return Result::Ok;
}

Result Reader::OnStartFunction(Index function) {
  CHECK_RESULT(check(validator_.OnStart(here(), wabt::Var(function, here()))));
  module_.start = function;
  return Result::Ok;
}

// --- Constant expressions and segments ----------------------------------------------------------------------------

Result Reader::begin_init(Type type) {
  in_init_ = true;
  init_value_ = 0;
  return check(validator_.BeginInitExpr(here(), type));
}

Result Reader::end_init() {
  in_init_ = false;
  return check(validator_.EndInitExpr());
}

Result Reader::BeginElemSegment(Index, Index table, uint8_t flags) {
  SegmentMode mode = !(flags & wabt::SegPassive)        ? SegmentMode::Active
                     : (flags & wabt::SegExplicitIndex) ? SegmentMode::Declared
                                                        : SegmentMode::Passive;
  auto kind = mode == SegmentMode::Active    ? wabt::SegmentKind::Active
              : mode == SegmentMode::Passive ? wabt::SegmentKind::Passive
                                             : wabt::SegmentKind::Declared;
  CHECK_RESULT(check(validator_.OnElemSegment(here(), wabt::Var(table, here()), kind)));
  module_.elems.push_back({mode, table, 0, {}});
  return Result::Ok;
}

Result Reader::EndElemSegmentInitExpr(Index) {
  CHECK_RESULT(end_init());
  module_.elems.back().address = static_cast<uint32_t>(init_value_);
  return Result::Ok;
}

Result Reader::OnElemSegmentElemType(Index, Type type) {
  CHECK_RESULT(check_type(type));
  return check(validator_.OnElemSegmentElemType(here(), type));
}

Result Reader::OnElemSegmentElemExprCount(Index, Index count) {
  module_.elems.back().entries.reserve(count);
  return Result::Ok;
}

Result Reader::OnElemSegmentElemExpr_RefNull(Index, Type type) {
  CHECK_RESULT(check_type(type));
  CHECK_RESULT(check(validator_.OnElemSegmentElemExpr_RefNull(here(), type)));
  module_.elems.back().entries.push_back(0);
  return Result::Ok;
}

Result Reader::OnElemSegmentElemExpr_RefFunc(Index, Index function) {
  CHECK_RESULT(check(validator_.OnElemSegmentElemExpr_RefFunc(here(), wabt::Var(function, here()))));
  module_.elems.back().entries.push_back(function + 1);
  return Result::Ok;
}

Result Reader::OnDataCount(Index count) {
  validator_.OnDataCount(count);
  data_count_ = count;
  has_data_count_ = true;
  return Result::Ok;
}

Result Reader::OnDataSegmentCount(Index count) {
  module_.datas.reserve(count);
  return Result::Ok;
}

Result Reader::BeginDataSegment(Index, Index memory, uint8_t flags) {
  if (flags > 2) return fail("invalid data segment flags 0x" + llvm::utohexstr(flags, true));
  bool is_passive = flags & wabt::SegPassive;
  CHECK_RESULT(check(validator_.OnDataSegment(here(), wabt::Var(memory, here()),
                                              is_passive ? wabt::SegmentKind::Passive : wabt::SegmentKind::Active)));
  module_.datas.push_back({is_passive ? SegmentMode::Passive : SegmentMode::Active, 0, {}});
  return Result::Ok;
}

Result Reader::EndDataSegmentInitExpr(Index) {
  CHECK_RESULT(end_init());
  module_.datas.back().address = static_cast<uint32_t>(init_value_);
  return Result::Ok;
}

Result Reader::OnDataSegmentData(Index, const void* data, Address size) {
  module_.datas.back().bytes = {static_cast<const uint8_t*>(data), static_cast<size_t>(size)};
  return Result::Ok;
}

Result Reader::EndModule() {
  if (has_data_count_ && data_count_ != module_.datas.size())
    return fail("data count section does not match the data section");
  return check(validator_.EndModule());
}

// --- Bodies -------------------------------------------------------------------------------------------------------

Result Reader::BeginFunctionBody(Index function, Offset size) {
  current_function_ = function;
  if (size > kMaxBodySize) return fail("function body is too large: " + std::to_string(size) + " bytes");
  if (size > wasm_.size() - state->offset) return fail("function body extends past the end of the module");
  FunctionBody& body = module_.functions[function - module_.import_count()].body;
  body.offset = static_cast<uint32_t>(state->offset);
  body.size = static_cast<uint32_t>(size);
  body.locals = module_.type_of(function).params;
  code_.clear();
  open_.assign(1, {0, 0, true});
  open_operands_ = 0;
  return check(validator_.BeginFunctionBody(here(), function));
}

Result Reader::OnLocalDecl(Index, Index count, Type type) {
  CHECK_RESULT(check_type(type));
  std::vector<ValueType>& locals = module_.functions[current_function_ - module_.import_count()].body.locals;
  total_locals_ += count;
  if (count > kMaxLocals - locals.size()) return fail("too many locals");
  if (total_locals_ > kMaxTotalLocals) return fail("too many locals in all functions together");
  CHECK_RESULT(check(validator_.OnLocalDecl(here(), count, type)));
  locals.insert(locals.end(), count, value_type(type));
  return Result::Ok;
}

Result Reader::EndFunctionBody(Index) {
  if (!open_.empty()) return fail("function body must end with end");
  module_.functions[current_function_ - module_.import_count()].body.code = code_;
  current_function_ = -1;
  return Result::Ok;
}

// Where the prefixed instruction whose opcode was just read starts; its code is an LEB128 of up to five bytes.
uint32_t Reader::prefix_offset(uint8_t prefix) const {
  auto end = static_cast<uint32_t>(state->offset);
  for (uint32_t offset = end - 2; offset + 6 >= end; --offset)
    if (wasm_[offset] == prefix) return offset;
  return end - 1;
}

Result Reader::refuse(Opcode opcode) {
  uint8_t first = wasm_[instr_offset_];
  std::string bytes = "0x" + llvm::utohexstr(first, true);
  if (const char* feature = feature_of(opcode.HasPrefix() ? first : 0, first))
    return fail_instr("unsupported feature: " + std::string(feature) + " (" +
                      (opcode.IsInvalid() ? "opcode " + bytes : opcode.GetName()) + ")");
  if (opcode.HasPrefix()) bytes += " 0x" + llvm::utohexstr(opcode.GetCode(), true);
  return fail_instr("unexpected opcode " + bytes);
}

// --- Instructions -------------------------------------------------------------------------------------------------

Result Reader::OnOpcode(Opcode opcode) {
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

Result Reader::constant(Type type, uint64_t bits) {
  CHECK_RESULT(check(validator_.OnConst(at(), type)));
  if (!in_init_) return emit(bits);
  init_value_ = bits;
  return Result::Ok;
}

// One instruction may push 900 operands; without a limit a small body could ask for gigabytes.
Result Reader::check_operands() {
  if (validator_.type_stack_size() > kMaxOperands) return fail_instr("too many operands on the stack");
  return Result::Ok;
}

// Types without parameters and with at most one result get the short form, so that equal blocks look equal.
Result Reader::open_block(Type type) {
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
  open_operands_ += operands;
  if (open_operands_ > kMaxBlockOperands) return fail_instr("too many operands in nested blocks");
  open_.push_back({static_cast<uint32_t>(code_.size()), operands, false});
  CHECK_RESULT(check_operands());
  return emit(0, block_type);
}

Result Reader::OnBlockExpr(Type type) {
  CHECK_RESULT(check(validator_.OnBlock(at(), type)));
  return open_block(type);
}

Result Reader::OnLoopExpr(Type type) {
  CHECK_RESULT(check(validator_.OnLoop(at(), type)));
  return open_block(type);
}

Result Reader::OnIfExpr(Type type) {
  CHECK_RESULT(check(validator_.OnIf(at(), type)));
  return open_block(type);
}

Result Reader::OnElseExpr() {
  CHECK_RESULT(check(validator_.OnElse(at())));  // so the innermost block is an if without else
  auto index = static_cast<uint32_t>(code_.size());
  code_[open_.back().start].imm = index;
  open_.back().start = index;
  return emit();
}

Result Reader::OnEndExpr() {
  if (in_init_) return Result::Ok;
  OpenBlock block = open_.back();
  open_.pop_back();
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

Result Reader::OnBrTableExpr(Index count, Index* targets, Index default_target) {
  std::vector<uint32_t>& list = module_.functions[current_function_ - module_.import_count()].body.br_targets;
  auto first = static_cast<uint32_t>(list.size());
  CHECK_RESULT(check(validator_.BeginBrTable(at())));
  for (Index i = 0; i < count; ++i) {
    CHECK_RESULT(check(validator_.OnBrTableTarget(at(), var(targets[i]))));
    list.push_back(targets[i]);
  }
  CHECK_RESULT(check(validator_.OnBrTableTarget(at(), var(default_target))));
  list.push_back(default_target);
  CHECK_RESULT(check(validator_.EndBrTable(at())));
  return emit(first | (uint64_t{count} + 1) << 32);
}

Result Reader::OnCallExpr(Index function) {
  CHECK_RESULT(check(validator_.OnCall(at(), var(function))));
  CHECK_RESULT(check_operands());
  return emit(function);
}

Result Reader::OnCallIndirectExpr(Index type, Index table) {
  CHECK_RESULT(check(validator_.OnCallIndirect(at(), var(type), var(table))));
  CHECK_RESULT(check_operands());
  return emit(type_map_[type] | uint64_t{table} << 32);
}

Result Reader::OnSelectExpr(Index count, Type* types) {
  if (op_ == Op::SelectT) {
    if (count != 1) return fail_instr("select must have one result type");
    CHECK_RESULT(check_type(types[0]));
  }
  return simple(validator_.OnSelect(at(), count, types));
}

Result Reader::OnRefNullExpr(Type type) {
  CHECK_RESULT(check_type(type));
  CHECK_RESULT(check(validator_.OnRefNull(at(), type)));
  if (!in_init_) return emit();
  init_value_ = 0;
  return Result::Ok;
}

Result Reader::OnRefFuncExpr(Index function) {
  CHECK_RESULT(check(validator_.OnRefFunc(at(), var(function))));
  if (!in_init_) return emit(function);
  init_value_ = uint64_t{function} + 1;
  return Result::Ok;
}

Module Reader::take_module() {
  module_.names.resize(module_.function_count());
  for_each_function_name(wasm_, [&](uint32_t function, llvm::StringRef name) {
    if (function < module_.names.size()) module_.names[function] = name.str();
  });
  return std::move(module_);
}

}  // namespace

llvm::Expected<Module> read_module(llvm::ArrayRef<uint8_t> wasm, const std::string& module_name) {
  if (wasm.size() > kMaxModuleSize)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s: module is larger than 1 GiB",
                                   module_name.c_str());
  // What we refuse by name is enabled here where wabt would otherwise refuse it as malformed.
  wabt::Features features;
  features.enable_threads();
  features.enable_memory64();
  features.enable_exceptions();
  wabt::ReadBinaryOptions options(features, /*log_stream=*/nullptr, /*read_debug_names=*/false,
                                  /*stop_on_first_error=*/true, /*fail_on_custom_section_error=*/false);
  Reader reader(wasm, features);
  Result result = wabt::ReadBinary(wasm.data(), wasm.size(), &reader, options);
  if (reader.failed()) return reader.take_error(module_name);
  if (Failed(result))
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s: malformed module", module_name.c_str());
  return reader.take_module();
}

}  // namespace aotc
