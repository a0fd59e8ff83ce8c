// pclntab.cpp - see pclntab.h.
//
//   header   = u32 0xfffffff1, u8 0, u8 0, u8 1 (instruction size), u8 8 (pointer size),
//              u64 functions, u64 files, u64 text start or unused, u64 offsets of: names, units, files, pc tables,
//              functions
//   functab  = (u32 entry, u32 offset of func)*functions u32 end      ; at the last of those offsets
//   func     = u32 entry, i32 name, i32 args, u32 deferreturn, ...    ; offsets relative to functab
//
// `entry` is the function's PC_F since Go 1.26, and its PC (PC_F << 16, relative to text start) before. Source:
// runtime/symtab.go, runtime/runtime2.go and cmd/link/internal/ld/pcln.go of Go 1.21 to 1.27.
#include "pclntab.h"

#include <algorithm>
#include <cstring>

namespace aotc {

namespace {

// The table lies in initialised data, which the linker cuts into many small segments.
constexpr uint64_t kMaxData = 512ull << 20;

std::vector<uint8_t> initial_data(const Module& module) {
  uint64_t size = 0;
  for (const DataSegment& segment : module.datas)
    if (segment.mode == SegmentMode::Active) size = std::max(size, uint64_t{segment.address} + segment.bytes.size());
  std::vector<uint8_t> data;
  if (size > kMaxData) return data;
  data.resize(size);
  for (const DataSegment& segment : module.datas)
    if (segment.mode == SegmentMode::Active)
      std::copy(segment.bytes.begin(), segment.bytes.end(), data.begin() + segment.address);
  return data;
}

class Reader {
 public:
  Reader(const std::vector<uint8_t>& data, const Module& module) : data_(data), module_(module) {}

  std::optional<std::vector<GoFunction>> find() const {
    static constexpr uint8_t kMagic[] = {0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8};
    for (auto at = data_.begin();; ++at) {
      at = std::search(at, data_.end(), std::begin(kMagic), std::end(kMagic));
      if (at == data_.end()) return std::nullopt;
      if (auto functions = read(static_cast<uint64_t>(at - data_.begin()))) return functions;
    }
  }

 private:
  template <typename T>
  bool load(uint64_t at, T& value) const {
    if (at > data_.size() || data_.size() - at < sizeof(T)) return false;
    std::memcpy(&value, data_.data() + at, sizeof(T));
    return true;
  }

  std::optional<std::vector<GoFunction>> read(uint64_t header) const {
    uint64_t count = 0, names = 0, functab = 0;
    if (!load(header + 8, count) || !load(header + 32, names) || !load(header + 64, functab)) return std::nullopt;
    if (count != module_.functions.size() || names > data_.size() || functab > data_.size()) return std::nullopt;
    names += header;
    functab += header;

    uint32_t first = 0, second = 0;
    if (count < 2 || !load(functab, first) || !load(functab + 8, second)) return std::nullopt;
    uint32_t scale = second - first;
    if (scale != 1 && scale != 1u << 16) return std::nullopt;
    std::vector<GoFunction> functions(count);
    for (uint64_t i = 0; i < count; ++i) {
      uint32_t entry = 0, offset = 0;
      if (!load(functab + 8 * i, entry) || !load(functab + 8 * i + 4, offset)) return std::nullopt;
      if (entry != static_cast<uint32_t>(first + i * scale)) return std::nullopt;
      int32_t name = 0;
      if (!load(functab + offset + 4, name) || !load(functab + offset + 12, functions[i].deferreturn))
        return std::nullopt;
      uint64_t start = names + static_cast<uint32_t>(name);
      if (name < 0 || start >= data_.size()) return std::nullopt;
      uint64_t limit = std::min<uint64_t>(data_.size() - start, 4096);
      const auto* text = reinterpret_cast<const char*>(data_.data() + start);
      functions[i].name.assign(text, strnlen(text, limit));
    }
    return functions;
  }

  const std::vector<uint8_t>& data_;
  const Module& module_;
};

}  // namespace

std::optional<std::vector<GoFunction>> read_pclntab(const Module& module) {
  std::vector<uint8_t> data = initial_data(module);
  return Reader(data, module).find();
}

}  // namespace aotc
