// layout.cpp - see layout.h. Order depends on the module alone: the same fragments get the same places.
#include "layout.h"

#include "aotc/artifact_format.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr uint64_t kMaxText = 1ull << 31;
constexpr uint64_t kMaxTextArm = 128u << 20;       // reach of bl
constexpr uint64_t kMaxStaticTables = 256u << 20;  // bytes; a table is repeated per type used to call through it
constexpr uint64_t kMaxAlign = 4096;
constexpr uint64_t kTrapPadding = 16;

}  // namespace

Layout::Layout(const Compilation& compilation)
    : c(compilation), is_arm(c.options.architecture == Architecture::AArch64) {}

Error Layout::error(const std::string& message) const {
  return createStringError(inconvertibleErrorCode(), "%s: %s", c.options.module_name.c_str(), message.c_str());
}

std::string Layout::unit_name(size_t unit) const {
  if (unit >= c.fragments.size()) return "thunk " + c.thunks[unit - c.fragments.size()].name;
  return c.module.full_name(static_cast<uint32_t>(c.module.import_count() + unit));
}

int64_t Layout::function_unit(uint32_t function) const {
  return function < c.module.import_count() ? import_units_[function] : function - c.module.import_count();
}

uint32_t Layout::entry_code(int64_t function) const {
  auto found = function < 0 ? entry_units_.end() : entry_units_.find(static_cast<uint32_t>(function));
  return found == entry_units_.end() ? AOTC_NONE : static_cast<uint32_t>(units[found->second].text);
}

const FunctionBody* Layout::body_of(const Fragment& fragment, uint32_t symbol) const {
  if (symbol >= fragment.symbols.size() || fragment.symbols[symbol].kind != SymbolKind::Function) return nullptr;
  uint32_t defined = fragment.symbols[symbol].index - c.module.import_count();
  return defined < c.module.functions.size() ? &c.module.functions[defined].body : nullptr;
}

Error Layout::lay_out_text() {
  for (const Fragment& fragment : c.fragments) units.push_back({&fragment});
  for (const Thunk& thunk : c.thunks) units.push_back({&thunk.fragment});

  import_units_.assign(c.module.import_count(), -1);
  for (size_t i = 0; i < c.thunks.size(); ++i) {
    const Thunk& thunk = c.thunks[i];
    auto unit = static_cast<int64_t>(c.fragments.size() + i);
    switch (thunk.kind) {
      case ThunkKind::Import:
        if (thunk.index >= c.module.import_count()) return error("thunk for an import that does not exist");
        import_units_[thunk.index] = unit;
        break;
      case ThunkKind::Entry:
        entry_units_.try_emplace(thunk.index, unit);
        break;
      case ThunkKind::TrapNull:
        trap_null_unit = unit;
        break;
      case ThunkKind::TrapType:
        trap_type_unit = unit;
        break;
    }
  }

  uint64_t size = 0;
  for (size_t i = 0; i < units.size(); ++i) {
    const Fragment& fragment = *units[i].fragment;
    if (fragment.text.empty() || !isPowerOf2_32(fragment.text_align) || fragment.text_align > kMaxAlign ||
        (is_arm && fragment.text.size() % 4 != 0))
      return error(unit_name(i) + ": malformed fragment");
    size = alignTo(size, std::max<uint64_t>(fragment.text_align, is_arm ? 4 : 1));
    units[i].text = size;
    size += fragment.text.size();
    if (size > (is_arm ? kMaxTextArm : kMaxText))
      return error(unit_name(i) + ": code of all functions together is larger than " + (is_arm ? "128 MiB" : "2 GiB"));
  }
  text_padding = alignTo(size, kTrapPadding);
  text_size = text_padding + kTrapPadding;
  return Error::success();
}

Error Layout::lay_out_rodata() {
  for (size_t i = 0; i < units.size(); ++i) {
    const Fragment& fragment = *units[i].fragment;
    if (!isPowerOf2_32(fragment.rodata_align) || fragment.rodata_align > kMaxAlign)
      return error(unit_name(i) + ": malformed fragment");
    rodata_align = std::max<uint64_t>(rodata_align, fragment.rodata_align);
    rodata_size = alignTo(rodata_size, fragment.rodata_align);
    units[i].rodata = rodata_size;
    rodata_size += fragment.rodata.size();
  }
  uint64_t tables_size = 0;
  for (const StaticTable& table : c.tables.static_tables) {
    rodata_size = alignTo(rodata_size, kSectionAlign);
    static_tables.push_back(rodata_size);
    uint64_t size = 4 * c.tables.contents[table.table].size();
    rodata_size += size;
    tables_size += size;
    if (tables_size > kMaxStaticTables) return error("immutable tables are larger than 256 MiB together");
  }
  if (c.tables.needs_function_refs) {
    function_refs = rodata_size = alignTo(rodata_size, kSectionAlign);
    rodata_size += 8 * uint64_t{c.module.function_count()};
  }
  return Error::success();
}

}  // namespace aotc
