// function_cache.cpp - see function_cache.h.
#include "function_cache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "llvm/Support/Endian.h"

namespace aotc {

using namespace llvm;

FunctionKey function_key(ArrayRef<uint8_t> unit) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(unit.data(), unit.size()));
  FunctionKey key;
  static_assert(sizeof canonical.digest == sizeof key);
  copy(canonical.digest, key.begin());
  return key;
}

std::optional<ArrayRef<uint8_t>> unit_of_record(ArrayRef<uint8_t> record) {
  if (record.size() < 4) return std::nullopt;
  uint32_t size = support::endian::read32le(record.data());
  if (size > record.size() - 4) return std::nullopt;
  return record.slice(4, size);
}

}  // namespace aotc
