// address_rules.cpp - see address_rules.h and, for the layout of the context, abi.h.
#include "address_rules.h"

#include <cstddef>

#include "aotc/abi.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr int64_t kRedZone = 128;  // below the stack pointer, of functions on x86-64 that call nothing

// Whether `size` bytes at lo..hi are in begin..end.
bool within(const Value& at, uint8_t size, int64_t begin, int64_t end) { return at.lo >= begin && at.hi <= end - size; }

bool is_function_table(SymbolKind symbol) {
  return symbol == SymbolKind::StaticTable || symbol == SymbolKind::FunctionRefs;
}

// Linear memory; of the context, what code may write and what it may read.
bool is_behind_base(const Value& at, uint8_t size, bool is_store) {
  constexpr int64_t kTablesEnd = AOTC_TABLES_OFFSET + AOTC_MAX_TABLES * AOTC_SLOT_SIZE;
  if (within(at, size, 0, static_cast<int64_t>(AOTC_MEMORY_RESERVATION))) return true;
  if (!is_store) return within(at, size, AOTC_SCRATCH_OFFSET, 0);
  return within(at, size, AOTC_SCRATCH_OFFSET, AOTC_HELPERS_OFFSET) || within(at, size, kTablesEnd, -AOTC_GLOBALS_END);
}

// An address out of a table: what was loaded is relative to the table or to a place in text, in instructions if it is
// shorter than 4 bytes.
Value target_behind(const Value& base, const Value& entry, unsigned shift) {
  if (base.kind != ValueKind::Data || !base.is_exact() || base.lo < 0 || base.lo > UINT32_MAX) return Value::anything();
  bool same = base.symbol == entry.symbol && base.id == entry.id;
  if (entry.size == 4 && shift == 0 && same && base.lo == 0 && is_function_table(entry.symbol))
    return Value::pointer(ValueKind::CallTarget);
  bool fits =
      base.symbol == SymbolKind::Text ? shift == (entry.size < 4 ? 2 : 0) : same && entry.size == 4 && shift == 0;
  if (entry.symbol != SymbolKind::Rodata || !fits) return Value::anything();
  Value result = entry;
  result.kind = ValueKind::JumpTarget;
  result.symbol = base.symbol;
  result.id = static_cast<uint32_t>(base.lo);
  return result;
}

}  // namespace

const char* refuse_access(const Value& at, uint8_t size, bool is_store, const Fragment& fragment,
                          uint32_t table_entries) {
  switch (at.kind) {
    case ValueKind::Base:
      return is_behind_base(at, size, is_store) ? nullptr : "address is not known to be in memory";
    case ValueKind::Stack: {
      bool inside = within(at, size, -int64_t{fragment.frame_size} - kRedZone, 0);
      return inside ? nullptr : "address is outside the stack frame";
    }
    case ValueKind::Data: {
      bool inside = at.symbol == SymbolKind::Rodata ? within(at, size, 0, static_cast<int64_t>(fragment.rodata.size()))
                                                    : is_function_table(at.symbol) && at.lo >= 0 && size <= 4;
      return inside && !is_store ? nullptr : "address is not known to be in the constants";
    }
    case ValueKind::TableEntry:
      return size <= 4 ? nullptr : "address is not known to be in the table";
    case ValueKind::Table:
      return within(at, size, 0, int64_t{4} * table_entries) ? nullptr : "address is not known to be in the table";
    default:
      return "address can be anything";
  }
}

Value context_value(int64_t offset, uint8_t size, const Value& otherwise) {
  if (size == 8 && offset == AOTC_TAIL_SELF) return Value::pointer(ValueKind::Base);
  if (size == 8 && offset >= AOTC_HELPERS_OFFSET && offset < AOTC_HELPER_OFFSET(AOTC_HELPER_COUNT) && offset % 8 == 0)
    return Value::pointer(ValueKind::Helper, static_cast<uint32_t>((offset - AOTC_HELPERS_OFFSET) / 8));
  int64_t table = offset - AOTC_TABLES_OFFSET;
  if (table < 0 || table >= AOTC_MAX_TABLES * AOTC_SLOT_SIZE) return otherwise;
  auto id = static_cast<uint32_t>(table / AOTC_SLOT_SIZE);
  int64_t field = table % AOTC_SLOT_SIZE;
  if (size == 8 && field == offsetof(aotc_table, entries)) return Value::pointer(ValueKind::Table, id);
  if (size == 4 && field == offsetof(aotc_table, size))
    return {.tag = Value::Tag::SizeOf, .id = id, .lo = 0, .hi = UINT32_MAX};
  return otherwise;
}

Value place_behind(const Value& pointer, const Value& index, unsigned shift) {
  if (index.kind == ValueKind::Entry) {
    Value target = target_behind(pointer, index, shift);
    if (!target.is_anything()) return target;
  }
  if (pointer.kind == ValueKind::Table && pointer.is_exact() && pointer.lo == 0 && shift == 2 &&
      index.fits_low_half() && index.tag == Value::Tag::BelowSizeOf && index.id == pointer.id)
    return Value::pointer(ValueKind::TableEntry, pointer.id);
  Value by = shifted_left(index.as_number(), shift);
  bool moves = pointer.kind == ValueKind::Base || pointer.kind == ValueKind::Data || pointer.kind == ValueKind::Table ||
               pointer.kind == ValueKind::Stack;
  if (!moves || !by.is_number() || (pointer.kind == ValueKind::Stack && !by.is_exact())) return Value::anything();
  unsigned zeros = std::min(shift + (index.is_number() ? index.zeros : 0), 3u);
  if (index.zeros != 0 && by.lo >= 0 && !by.is_exact())
    by.lo = static_cast<int64_t>(alignTo(static_cast<uint64_t>(by.lo), 1 << zeros));
  Value result = pointer;
  result.equals = result.from = result.hint = 0;
  if (pointer.kind == ValueKind::Data && !by.is_exact())
    result.size = static_cast<uint8_t>(pointer.is_exact() ? 1 << zeros : 1);
  bool overflows = AddOverflow(pointer.lo, by.lo, result.lo) || AddOverflow(pointer.hi, by.hi, result.hi);
  return overflows ? Value::anything() : result;
}

}  // namespace aotc
