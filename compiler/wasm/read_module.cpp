// read_module.cpp - wasm bytes to Module: parse and validate in one pass. Function bodies: read_body.cpp.
//
// wabt's ReadBinary decodes and calls back once per instruction; each callback first asks wabt's SharedValidator, then
// appends one Instr. The block structure is matched on the way with an explicit stack, so nesting costs heap, not
// native stack. wabt's IR reader lost because it refuses more than 16,384 nested blocks, which real Go programs have.
//
// A large module is read by several threads, each of which skips the bodies of the others. If one of them finds
// anything wrong, the module is read once more by one, which says what comes first.
//
// Hostile input. wabt bounds every count by the bytes that are left, so what remains dangerous is amplification: a few
// bytes that declare many locals, name a type with many operands, or nest blocks of such types. Each has a limit in
// limits.def, checked before memory is spent. Names are kept short before they reach wabt, whose messages are built
// with alloca.
//
// Unsupported features are recognised in OnOpcode and in the declaration callbacks, before wabt's own reaction, so that
// the message can name the feature.
#include "read_module.h"

#include <atomic>
#include <memory>
#include <optional>

#include "check_imports.h"
#include "limits.h"
#include "llvm/ADT/StringExtras.h"
#include "module_reader.h"
#include "name_section.h"
#include "parallel.h"

namespace aotc {

using namespace llvm;

namespace {

using wabt::Address;
using wabt::ExternalKind;
using wabt::Index;
using wabt::Result;
using wabt::Type;

constexpr size_t kMaxMessage = 500;

// All that is not a body is read by each.
constexpr unsigned kMostReaders = 4;
constexpr size_t kWorthThreads = 1 << 20;

// Types of proposals, which wabt takes for malformed ones.
struct ProposedType {
  uint8_t code;
  const char *feature, *name;
};
constexpr ProposedType kProposedTypes[] = {
    {0x63, "typed function references", "ref null"},
    {0x64, "typed function references", "ref"},
    {0x68, "stack switching", "contref"},
    {0x69, "exceptions", "exnref"},
    {0x6a, "gc", "arrayref"},
    {0x6b, "gc", "structref"},
    {0x6c, "gc", "i31ref"},
    {0x6d, "gc", "eqref"},
    {0x6e, "gc", "anyref"},
    {0x71, "gc", "nullref"},
    {0x72, "gc", "nullexternref"},
    {0x73, "gc", "nullfuncref"},
    {0x74, "exceptions", "nullexnref"},
    {0x75, "stack switching", "nullcontref"},
};

const char* kind_name(uint32_t kind) {
  static const char* const names[] = {"function", "table", "memory", "global", "tag"};
  return kind < std::size(names) ? names[kind] : "unknown kind";
}

// What we refuse by name is enabled here where wabt would otherwise refuse it as malformed.
wabt::Features accepted_features() {
  wabt::Features features;
  features.enable_threads();
  features.enable_memory64();
  features.enable_exceptions();
  return features;
}

}  // namespace

// --- Errors -------------------------------------------------------------------------------------------------------

Result ModuleReader::fail_at(size_t offset, std::string message) {
  if (!failed_) {
    failed_ = true;
    error_offset_ = offset;
    error_message_ = std::move(message);
  }
  return Result::Error;
}

Result ModuleReader::check(Result result) {
  if (Succeeded(result)) return result;
  if (validator_errors_.empty()) return fail_instr("invalid instruction");
  const wabt::Error& error = validator_errors_.front();
  if (StringRef(error.message).starts_with("initializer expression can only reference an imported global"))
    return fail_at(error.loc.offset,
                   "unsupported feature: gc (a constant expression that reads the module's own global)");
  return fail_at(error.loc.offset, error.message);
}

// wabt's reader knows some features only as malformed bytes.
std::string ModuleReader::explain(const wabt::Error& error) const {
  StringRef message = error.message;
  uint8_t last = state->offset > 0 && state->offset <= wasm_.size() ? wasm_[state->offset - 1] : 0;
  std::string feature = "unsupported feature: ";
  if (message.starts_with("unexpected type form") && last >= 0x4e && last <= 0x5f)
    return feature + "gc (type form 0x" + utohexstr(last, true) + ")";
  if (message.starts_with("tables may not be 64-bit")) return feature + "memory64 (64-bit table)";
  if (message.starts_with("tables may not be shared")) return feature + "threads (shared table)";
  if (message.starts_with("malformed memory limits flag") && (last & 8)) return feature + "custom page sizes";
  if (message.starts_with("table elem type") && last == 0x40)
    return feature + "typed function references (a table with an initial value)";
  if (message.starts_with("expected valid") || message.starts_with("invalid global type") ||
      message.contains("must be a reference type"))
    for (const ProposedType& type : kProposedTypes)
      if (type.code == last) return feature + type.feature + " (" + type.name + ")";
  return error.message;
}

Error ModuleReader::take_error(const std::string& module_name) const {
  std::string message = error_message_;
  if (message.size() > kMaxMessage) message.replace(kMaxMessage, message.npos, "...");  // a list of 900 types
  for (char& c : message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  while (message.size() <= kMaxMessage && !message.empty() && message.back() == '.') message.pop_back();
  if (!message.empty()) message[0] = toLower(message[0]);

  std::string where;
  if (current_function_ >= 0) {
    std::string name = find_function_name(wasm_, static_cast<uint32_t>(current_function_));
    where = "function " + std::to_string(current_function_) + (name.empty() ? "" : " (" + name + ")") + ": ";
  }
  return createStringError(inconvertibleErrorCode(), "%s: %soffset 0x%zx: %s", module_name.c_str(), where.c_str(),
                           error_offset_, message.c_str());
}

// --- Types and imports --------------------------------------------------------------------------------------------

Result ModuleReader::check_type(Type type) {
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

Result ModuleReader::OnTypeCount(Index count) {
  if (count > kMaxTypes) return fail("too many types: " + std::to_string(count));
  type_map_.reserve(count);
  return Result::Ok;
}

Result ModuleReader::OnFuncType(Index index, Index params, Type* param_types, Index results, Type* result_types) {
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

Result ModuleReader::OnImport(Index, ExternalKind kind, std::string_view module, std::string_view field) {
  if (module.size() > kMaxNameSize || field.size() > kMaxNameSize) return fail("import name is too long");
  if (kind != ExternalKind::Func) {
    const char* owner = interface_owner(StringRef(module), StringRef(field));
    return unsupported("import of a " + std::string(kind_name(static_cast<uint32_t>(kind))),
                       std::string(module) + "." + std::string(field) + (owner ? std::string(", of ") + owner : ""));
  }
  return Result::Ok;
}

Result ModuleReader::OnImportFunc(Index, std::string_view module, std::string_view field, Index, Index type) {
  if (module_.imports.size() >= kMaxFunctions) return fail("too many imports");
  CHECK_RESULT(check(validator_.OnFunction(here(), wabt::Var(type, here()))));
  auto offset = static_cast<uint32_t>(reinterpret_cast<const uint8_t*>(module.data()) - wasm_.data());
  module_.imports.push_back({std::string(module), std::string(field), type_map_[type], offset});
  return Result::Ok;
}

// --- Functions, tables, memory, globals, exports ------------------------------------------------------------------

Result ModuleReader::OnFunctionCount(Index count) {
  if (count + module_.imports.size() > kMaxFunctions) return fail("too many functions: " + std::to_string(count));
  module_.functions.reserve(count);
  return Result::Ok;
}

Result ModuleReader::OnFunction(Index, Index type) {
  CHECK_RESULT(check(validator_.OnFunction(here(), wabt::Var(type, here()))));
  module_.functions.push_back({type_map_[type], {}});
  return Result::Ok;
}

Result ModuleReader::OnTableCount(Index count) {
  return count > kMaxTables ? fail("too many tables: " + std::to_string(count)) : Result(Result::Ok);
}

Result ModuleReader::OnTable(Index, Type type, const wabt::Limits* limits) {
  CHECK_RESULT(check_type(type));
  CHECK_RESULT(check(validator_.OnTable(here(), type, *limits)));
  total_table_size_ += limits->initial;
  if (total_table_size_ > kMaxTableSize) return fail("tables are too large: " + std::to_string(total_table_size_));
  module_.tables.push_back(
      {static_cast<uint32_t>(limits->initial), limits->has_max ? static_cast<uint32_t>(limits->max) : 0xffffffffu});
  return Result::Ok;
}

Result ModuleReader::OnMemoryCount(Index count) {
  return count > 1 ? unsupported("multi-memory", std::to_string(count) + " memories") : Result(Result::Ok);
}

Result ModuleReader::OnMemory(Index, const wabt::Limits* limits) {
  if (limits->is_64) return unsupported("memory64", "64-bit memory");
  if (limits->is_shared) return unsupported("threads", "shared memory");
  CHECK_RESULT(check(validator_.OnMemory(here(), *limits)));
  module_.has_memory = true;
  module_.memory_min = static_cast<uint32_t>(limits->initial);
  if (limits->has_max) module_.memory_max = static_cast<uint32_t>(limits->max);
  return Result::Ok;
}

Result ModuleReader::BeginGlobal(Index, Type type, bool is_mutable) {
  CHECK_RESULT(check_type(type));
  if (is_mutable && ++mutable_globals_ > kMaxMutableGlobals) return fail("too many mutable globals");
  CHECK_RESULT(check(validator_.OnGlobal(here(), type, is_mutable)));
  module_.globals.push_back({value_type(type), is_mutable});
  return Result::Ok;
}

Result ModuleReader::BeginGlobalInitExpr(Index) {
  return begin_init(Type(-0x80 | static_cast<int32_t>(module_.globals.back().type)));
}

Result ModuleReader::EndGlobalInitExpr(Index) {
  CHECK_RESULT(end_init());
  module_.globals.back().init[0] = init_value_;
  return Result::Ok;
}

Result ModuleReader::OnExport(Index, ExternalKind kind, Index index, std::string_view name) {
  if (name.size() > kMaxNameSize) return fail("export name is too long");
  if (kind > ExternalKind::Global) return unsupported("exceptions", "exported tag");
  CHECK_RESULT(check(validator_.OnExport(here(), kind, wabt::Var(index, here()), name)));
  module_.exports.push_back({std::string(name), static_cast<uint8_t>(kind), index});
  return Result::Ok;
}

Result ModuleReader::OnStartFunction(Index function) {
  CHECK_RESULT(check(validator_.OnStart(here(), wabt::Var(function, here()))));
  module_.start = function;
  return Result::Ok;
}

// --- Constant expressions and segments ----------------------------------------------------------------------------

Result ModuleReader::begin_init(Type type) {
  in_init_ = true;
  init_ended_ = false;
  init_value_ = 0;
  return check(validator_.BeginInitExpr(here(), type));
}

Result ModuleReader::end_init() {
  in_init_ = false;
  if (!init_ended_) return fail("constant expression without end");
  return check(validator_.EndInitExpr());
}

Result ModuleReader::BeginElemSegment(Index, Index table, uint8_t flags) {
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

Result ModuleReader::EndElemSegmentInitExpr(Index) {
  CHECK_RESULT(end_init());
  module_.elems.back().address = static_cast<uint32_t>(init_value_);
  return Result::Ok;
}

Result ModuleReader::OnElemSegmentElemType(Index, Type type) {
  CHECK_RESULT(check_type(type));
  return check(validator_.OnElemSegmentElemType(here(), type));
}

Result ModuleReader::OnElemSegmentElemExprCount(Index, Index count) {
  module_.elems.back().entries.reserve(count);
  return Result::Ok;
}

Result ModuleReader::OnElemSegmentElemExpr_RefNull(Index, Type type) {
  CHECK_RESULT(check_type(type));
  CHECK_RESULT(check(validator_.OnElemSegmentElemExpr_RefNull(here(), type)));
  module_.elems.back().entries.push_back(0);
  return Result::Ok;
}

Result ModuleReader::OnElemSegmentElemExpr_RefFunc(Index, Index function) {
  CHECK_RESULT(check(validator_.OnElemSegmentElemExpr_RefFunc(here(), wabt::Var(function, here()))));
  module_.elems.back().entries.push_back(function + 1);
  return Result::Ok;
}

Result ModuleReader::OnDataCount(Index count) {
  validator_.OnDataCount(count);
  data_count_ = count;
  has_data_count_ = true;
  return Result::Ok;
}

Result ModuleReader::OnDataSegmentCount(Index count) {
  module_.datas.reserve(count);
  return Result::Ok;
}

Result ModuleReader::BeginDataSegment(Index, Index memory, uint8_t flags) {
  if (flags > 2) return fail("invalid data segment flags 0x" + utohexstr(flags, true));
  bool is_passive = flags & wabt::SegPassive;
  CHECK_RESULT(check(validator_.OnDataSegment(here(), wabt::Var(memory, here()),
                                              is_passive ? wabt::SegmentKind::Passive : wabt::SegmentKind::Active)));
  module_.datas.push_back({is_passive ? SegmentMode::Passive : SegmentMode::Active, 0, {}});
  return Result::Ok;
}

Result ModuleReader::EndDataSegmentInitExpr(Index) {
  CHECK_RESULT(end_init());
  module_.datas.back().address = static_cast<uint32_t>(init_value_);
  return Result::Ok;
}

Result ModuleReader::OnDataSegmentData(Index, const void* data, Address size) {
  module_.datas.back().bytes = {static_cast<const uint8_t*>(data), static_cast<size_t>(size)};
  return Result::Ok;
}

Result ModuleReader::EndModule() {
  if (has_data_count_ && data_count_ != module_.datas.size())
    return fail("data count section does not match the data section");
  return check(validator_.EndModule());
}

ModuleReader::ModuleReader(ArrayRef<uint8_t> wasm, unsigned part, unsigned parts)
    : wasm_(wasm),
      part_(part),
      parts_(parts),
      options_(accepted_features(), /*log_stream=*/nullptr, /*read_debug_names=*/false, /*stop_on_first_error=*/true,
               /*fail_on_custom_section_error=*/false),
      validator_(&validator_errors_, wabt::ValidateOptions(options_.features)) {}

bool ModuleReader::read() {
  Result result = wabt::ReadBinary(wasm_.data(), wasm_.size(), this, options_);
  if (Failed(result) && !failed_) (void)fail_at(0, "malformed module");
  return !failed_;
}

bool ModuleReader::take_bodies(ModuleReader& other) {
  for (size_t i = 0; i < module_.functions.size(); ++i)
    if (FunctionBody& body = other.module_.functions[i].body; body.size != 0)
      module_.functions[i].body = std::move(body);
  work_ += other.work_;
  total_locals_ += other.total_locals_;
  return !too_much_work() && total_locals_ <= kMaxTotalLocals;
}

Module ModuleReader::take_module() {
  module_.names.resize(module_.function_count());
  for_each_function_name(wasm_, [&](uint32_t function, StringRef name) {
    if (function < module_.names.size()) module_.names[function] = name.str();
  });
  return std::move(module_);
}

namespace {

// Each thread reads bodies of its own. Nothing if there is anything wrong with the module.
std::optional<Module> read_in_parts(ArrayRef<uint8_t> wasm, unsigned parts) {
  std::vector<std::unique_ptr<ModuleReader>> readers;
  for (unsigned part = 0; part < parts; ++part) readers.push_back(std::make_unique<ModuleReader>(wasm, part, parts));
  std::atomic<bool> valid = true;
  on_threads(parts, [&](unsigned part) {
    if (!readers[part]->read()) valid = false;
  });
  for (unsigned part = 1; valid && part < parts; ++part) valid = readers[0]->take_bodies(*readers[part]);
  if (!valid) return std::nullopt;
  return readers[0]->take_module();
}

}  // namespace

Expected<Module> read_module(ArrayRef<uint8_t> wasm, const std::string& module_name, unsigned threads) {
  if (wasm.size() > kMaxModuleSize)
    return createStringError(inconvertibleErrorCode(), "%s: module is larger than 1 GiB", module_name.c_str());
  static constexpr uint8_t kComponent[] = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};
  if (wasm.take_front(sizeof kComponent) == ArrayRef<uint8_t>(kComponent))
    return createStringError(inconvertibleErrorCode(),
                             "%s: offset 0x4: unsupported feature: component model (a component, not a module)",
                             module_name.c_str());
  threads = std::min(threads, kMostReaders);
  if (threads > 1 && wasm.size() >= kWorthThreads)
    if (std::optional<Module> module = read_in_parts(wasm, threads)) return std::move(*module);
  ModuleReader reader(wasm);
  if (!reader.read()) return reader.take_error(module_name);  // the first there is
  return reader.take_module();
}

}  // namespace aotc
