// address_rules.h - what code may access, and what is known of what it finds there.
#pragma once

#include "known_value.h"
#include "native/fragment.h"

namespace aotc {

// Why `size` bytes at `at` must not be read or written, or null. `table_entries` is how many the table has at least, if
// `at` is in one.
const char* refuse_access(const Value& at, uint8_t size, bool is_store, const Fragment& fragment,
                          uint32_t table_entries);

// What the runtime keeps at a place of the instance's context; `otherwise` where it keeps nothing special.
Value context_value(int64_t offset, uint8_t size, const Value& otherwise);

// `pointer` + `index` << `shift`; anything if that is no known place.
Value place_behind(const Value& pointer, const Value& index, unsigned shift);

}  // namespace aotc
