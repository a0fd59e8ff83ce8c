// metadata.h - what the runtime reads of an artifact beside code: types, imports, exports, segments, functions, trap
// sites.
#pragma once

#include "aotc/artifact_format.h"
#include "layout.h"
#include "llvm/ADT/StringMap.h"
#include "memory_image.h"

namespace aotc {

// .strtab, with each string once. A zero byte of a name is kept as the two bytes C0 80, which no UTF-8 has, so that
// strings end with the first zero and yet no two names become equal.
class StringTable {
 public:
  uint32_t add(llvm::StringRef name) {
    std::string text;
    for (char c : name) c == 0 ? text += "\xc0\x80" : text += c;
    auto [entry, is_new] = offsets_.try_emplace(text, static_cast<uint32_t>(bytes_.size()));
    if (is_new) (bytes_ += text) += '\0';
    return entry->second;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_ = std::string(1, '\0');
  llvm::StringMap<uint32_t> offsets_;
};

struct Metadata {
  std::vector<uint8_t> bytes;  // arrays, one after the other; the header's spans say where
  MemoryImage image;
  std::vector<aotc_image_run> image_runs;  // whose places in the file follow
  uint64_t image_runs_position = 0;        // in bytes
};

// Also fills the header's spans and flags, and says where the metadata is.
llvm::Expected<Metadata> build_metadata(const Layout& layout, StringTable& strings, aotc_header& header);

}  // namespace aotc
