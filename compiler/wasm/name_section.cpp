// name_section.cpp - scans section headers for "name", then its function subsection.
//
// We parse this ourselves rather than through wabt because wabt refuses modules whose name section is not last, and
// because the same 60 lines serve the error path, where wabt has already stopped.
#include "name_section.h"

#include <algorithm>

#include "llvm/Support/ConvertUTF.h"

namespace aotc {

using namespace llvm;

namespace {

// Reads from a byte range; after an overrun every read yields zero and `ok` is false.
struct Cursor {
  ArrayRef<uint8_t> bytes;
  size_t position = 0;
  bool ok = true;

  bool at_end() const { return !ok || position >= bytes.size(); }

  uint8_t byte() {
    if (position < bytes.size()) return bytes[position++];
    ok = false;
    return 0;
  }

  uint32_t leb() {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      uint8_t b = byte();
      value |= shift < 32 ? static_cast<uint32_t>(b & 0x7f) << shift : 0;
      if (!(b & 0x80)) return value;
    }
    ok = false;
    return 0;
  }

  ArrayRef<uint8_t> take(size_t count) {
    if (count > bytes.size() - position) {
      ok = false;
      return {};
    }
    ArrayRef<uint8_t> taken = bytes.slice(position, count);
    position += count;
    return taken;
  }

  StringRef string() {
    ArrayRef<uint8_t> taken = take(leb());
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
};

// Names end up in NUL-terminated string tables and on terminals.
bool is_printable(StringRef name) {
  const auto* p = reinterpret_cast<const UTF8*>(name.data());
  return std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }) &&
         isLegalUTF8String(&p, p + name.size());
}

}  // namespace

void for_each_function_name(ArrayRef<uint8_t> wasm, llvm::function_ref<void(uint32_t function, StringRef name)> found) {
  constexpr uint8_t kCustomSection = 0;
  constexpr uint8_t kFunctionNames = 1;
  Cursor module{wasm};
  (void)module.take(8);  // magic and version
  while (!module.at_end()) {
    uint8_t section = module.byte();
    Cursor content{module.take(module.leb())};
    if (section != kCustomSection || content.string() != "name") continue;
    while (!content.at_end()) {
      uint8_t kind = content.byte();
      Cursor entries{content.take(content.leb())};
      if (kind != kFunctionNames) continue;
      uint32_t count = entries.leb();
      for (uint32_t i = 0; i < count && !entries.at_end(); ++i) {
        uint32_t function = entries.leb();
        StringRef name = entries.string();
        if (entries.ok && !name.empty() && is_printable(name)) found(function, name);
      }
    }
  }
}

std::string find_function_name(ArrayRef<uint8_t> wasm, uint32_t function) {
  std::string result;
  for_each_function_name(wasm, [&](uint32_t index, StringRef name) {
    if (index == function) result = name.str();
  });
  return result;
}

}  // namespace aotc
