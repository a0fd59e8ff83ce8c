// artifact_view.cpp - reads artifacts for display; see artifact_view.h.
#include "artifact_view.h"

#include <elf.h>
#include <cstring>

#include <fmt/format.h>

#include "files.h"
#include "llvm/Support/xxhash.h"

namespace {

constexpr uint64_t kHeaderEnd = AOTC_HEADER_OFFSET + sizeof(aotc_header);

llvm::Error make_error(const std::string& name, const std::string& what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), name + ": " + what);
}

bool terminated(const char* text, size_t size) { return std::memchr(text, 0, size) != nullptr; }

}  // namespace

llvm::Error ArtifactView::error(const std::string& what) const { return make_error(name_, what); }

llvm::Expected<ArtifactView> ArtifactView::read(llvm::ArrayRef<uint8_t> bytes, const std::string& name) {
  ArtifactView view;
  view.bytes_ = bytes;
  view.name_ = name;
  const aotc_header& header = view.header_;
  if (llvm::Error error = view.read_header()) return error;
  if (llvm::Error error = view.check_strings()) return error;
  if (llvm::Error error = view.read_span("types", header.types, view.types_)) return error;
  if (llvm::Error error = view.read_span("type bytes", header.type_bytes, view.type_bytes_)) return error;
  if (llvm::Error error = view.read_span("imports", header.imports, view.imports_)) return error;
  if (llvm::Error error = view.read_span("exports", header.exports, view.exports_)) return error;
  if (llvm::Error error = view.read_span("functions", header.functions, view.functions_)) return error;
  if (llvm::Error error = view.check_indices()) return error;
  if (llvm::Error error = view.read_snapshot()) return error;
  return view;
}

// What can be checked without following a span, most telling fault first.
llvm::Error ArtifactView::read_header() {
  if (is_wasm(bytes_)) return error("a WebAssembly module, not an artifact (compile it first)");
  if (!is_elf(bytes_)) return error("not an artifact (no ELF header)");
  if (bytes_.size() < kHeaderEnd)
    return error(fmt::format("truncated: {} bytes, too short for a header", bytes_.size()));
  std::memcpy(&header_, bytes_.data() + AOTC_HEADER_OFFSET, sizeof header_);
  if (header_.magic != AOTC_MAGIC) return error("an ELF file, but not an artifact (no magic number)");
  if (header_.format_version != AOTC_FORMAT_VERSION)
    return error(
        fmt::format("format version {}, but this aotc reads version {}", header_.format_version, AOTC_FORMAT_VERSION));
  if (header_.header_size != sizeof header_)
    return error(fmt::format("header of {} bytes, expected {}", header_.header_size, sizeof header_));
  uint64_t checksum = llvm::xxh3_64bits(bytes_.slice(AOTC_HEADER_OFFSET, offsetof(aotc_header, checksum)));
  if (header_.checksum != checksum)
    return error(fmt::format("header checksum is {:016x}, expected {:016x}: corrupted", checksum, header_.checksum));
  if (header_.file_size != bytes_.size())
    return error(fmt::format("{} bytes long, but its header says {}", bytes_.size(), header_.file_size));

  Elf64_Ehdr elf;
  std::memcpy(&elf, bytes_.data(), sizeof elf);
  uint16_t machine = header_.architecture == AOTC_ARCH_X86_64    ? EM_X86_64
                     : header_.architecture == AOTC_ARCH_AARCH64 ? EM_AARCH64
                                                                 : EM_NONE;
  if (machine == EM_NONE) return error(fmt::format("unknown architecture {}", header_.architecture));
  if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_machine != machine)
    return error("the ELF header is for another architecture than the artifact's");
  if (!terminated(header_.compiler_version, sizeof header_.compiler_version) ||
      !terminated(header_.cpu, sizeof header_.cpu))
    return error("a name in the header is not terminated");
  if (header_.tier != AOTC_TIER_QUICK && header_.tier != AOTC_TIER_BEST)
    return error(fmt::format("unknown tier {}", header_.tier));
  if (header_.load_size > header_.file_size) return error("mapped size is larger than the file");
  for (const Section& s : sections())
    if (s.section.offset > bytes_.size() || s.section.size > bytes_.size() - s.section.offset)
      return error(fmt::format("section {} lies outside the file", s.name));
  return llvm::Error::success();
}

std::vector<ArtifactView::Section> ArtifactView::sections() const {
  std::vector<Section> all = {{"metadata", header_.metadata},
                              {"rodata", header_.rodata},
                              {"strings", header_.strings},
                              {"text", header_.text},
                              {"image", header_.image}};
  if (header_.snapshot.size != 0) all.push_back({"snapshot", header_.snapshot});
  return all;
}

template <typename T>
llvm::Error ArtifactView::read_span(const char* what, const aotc_span& span, std::vector<T>& array) const {
  if (span.count == 0) return llvm::Error::success();
  const aotc_section& home = header_.metadata;
  if (span.offset % 8 != 0) return error(fmt::format("{}: offset {:#x} is not aligned", what, span.offset));
  uint64_t size = uint64_t{span.count} * sizeof(T);
  if (span.offset < home.offset || span.offset - home.offset > home.size ||
      size > home.size - (span.offset - home.offset))
    return error(fmt::format("{}: {} entries at {:#x} lie outside the metadata", what, span.count, span.offset));
  array.resize(span.count);
  std::memcpy(array.data(), bytes_.data() + span.offset, size);
  return llvm::Error::success();
}

llvm::Error ArtifactView::check_strings() const {
  const aotc_section& strings = header_.strings;
  if (strings.size == 0 || bytes_[strings.offset] != 0 || bytes_[strings.offset + strings.size - 1] != 0)
    return error("the strings do not start and end with NUL");
  return llvm::Error::success();
}

llvm::Error ArtifactView::check_string(const char* what, size_t index, uint32_t offset) const {
  if (offset < header_.strings.size) return llvm::Error::success();
  return error(fmt::format("{} {}: name at {:#x} lies outside the strings", what, index, offset));
}

llvm::Error ArtifactView::check_indices() const {
  for (size_t i = 0; i < types_.size(); ++i) {
    uint64_t values = uint64_t{types_[i].params} + types_[i].results;
    if (types_[i].first > type_bytes_.size() || values > type_bytes_.size() - types_[i].first)
      return error(fmt::format("type {}: lies outside the type bytes", i));
    for (uint64_t v = 0; v < values; ++v)
      if (!aotc_value_type_name(type_bytes_[types_[i].first + v]))
        return error(fmt::format("type {}: unknown value type {:#x}", i, type_bytes_[types_[i].first + v]));
  }
  for (size_t i = 0; i < imports_.size(); ++i) {
    if (llvm::Error error = check_string("import", i, imports_[i].module)) return error;
    if (llvm::Error error = check_string("import", i, imports_[i].field)) return error;
    if (imports_[i].type >= types_.size())
      return error(fmt::format("import {}: type {} of {}", i, imports_[i].type, types_.size()));
  }
  for (size_t i = 0; i < exports_.size(); ++i) {
    const aotc_export& e = exports_[i];
    if (llvm::Error error = check_string("export", i, e.name)) return error;
    if (e.kind > AOTC_EXPORT_GLOBAL) return error(fmt::format("export {}: unknown kind {}", i, e.kind));
    if (e.kind != AOTC_EXPORT_FUNCTION) continue;
    if (e.type >= types_.size()) return error(fmt::format("export {}: type {} of {}", i, e.type, types_.size()));
    if (e.thunk != AOTC_NONE && e.thunk >= header_.text.size)
      return error(fmt::format("export {}: thunk lies outside the text", i));
  }
  for (size_t i = 0; i < functions_.size(); ++i) {
    const aotc_function& f = functions_[i];
    if (f.code > header_.text.size || f.code_size > header_.text.size - f.code)
      return error(fmt::format("function {}: code lies outside the text", i));
    if (f.name == AOTC_NONE) continue;
    if (llvm::Error error = check_string("function", i, f.name)) return error;
  }
  return llvm::Error::success();
}

llvm::Error ArtifactView::read_snapshot() {
  if (header_.snapshot.size == 0) return llvm::Error::success();
  aotc_snapshot head;
  if (header_.snapshot.size < sizeof head) return error("snapshot: too short for its head");
  std::memcpy(&head, bytes_.data() + header_.snapshot.offset, sizeof head);
  if (head.magic != AOTC_SNAPSHOT_MAGIC || head.size != header_.snapshot.size || head.head_size > head.size ||
      head.head_size < sizeof head)
    return error("snapshot: its head is corrupted");
  if (head.report.offset > head.head_size || head.report.count > head.head_size - head.report.offset)
    return error("snapshot: the report lies outside its head");
  snapshot_report_ = llvm::StringRef(
      reinterpret_cast<const char*>(bytes_.data() + header_.snapshot.offset + head.report.offset), head.report.count);
  return llvm::Error::success();
}

llvm::Error ArtifactView::verify() const {
  std::string wrong;
  for (const Section& s : sections()) {
    uint64_t checksum = llvm::xxh3_64bits(bytes_.slice(s.section.offset, s.section.size));
    if (checksum != s.section.xxh3)
      wrong += fmt::format("{}section {} has checksum {:016x}, expected {:016x}", wrong.empty() ? "" : "; ", s.name,
                           checksum, s.section.xxh3);
  }
  return wrong.empty() ? llvm::Error::success() : error(wrong + ": corrupted");
}

std::string ArtifactView::string(uint32_t offset) const {
  if (offset == AOTC_NONE) return "";
  std::string text = reinterpret_cast<const char*>(bytes_.data() + header_.strings.offset + offset);
  for (size_t at; (at = text.find("\xc0\x80")) != std::string::npos;) text.replace(at, 2, 1, '\0');
  return text;
}

std::string ArtifactView::type(uint32_t index) const {
  const aotc_type& t = types_[index];
  auto list = [&](size_t first, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i)
      text += fmt::format("{}{}", i ? ", " : "", aotc_value_type_name(type_bytes_[first + i]));
    return text;
  };
  return fmt::format("({}) -> ({})", list(t.first, t.params), list(t.first + t.params, t.results));
}

std::vector<std::string> cpu_feature_names(uint32_t architecture, uint64_t features) {
  static constexpr const char* kX86[] = {
      "fsgsbase", "cx16", "lahf", "popcnt", "sse3",  "ssse3",   "sse4.1",   "sse4.2",   "avx",      "avx2",    "bmi1",
      "bmi2",     "f16c", "fma",  "lzcnt",  "movbe", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"};
  static constexpr const char* kArm[] = {"lse", "rdm", "crc32", "dotprod", "rcpc"};
  llvm::ArrayRef<const char*> names =
      architecture == AOTC_ARCH_X86_64 ? llvm::ArrayRef<const char*>(kX86) : llvm::ArrayRef<const char*>(kArm);
  std::vector<std::string> found;
  for (unsigned bit = 0; bit < 64; ++bit)
    if (features >> bit & 1) found.push_back(bit < names.size() ? names[bit] : fmt::format("bit {}", bit));
  return found;
}

llvm::Expected<FileKind> file_kind(const std::string& path) {
  llvm::Expected<std::vector<uint8_t>> start = read_prefix(path, 4);
  if (!start) return start.takeError();
  if (is_wasm(*start)) return FileKind::Wasm;
  if (is_elf(*start)) return FileKind::Artifact;
  return make_error(path, "neither a WebAssembly module nor an artifact");
}

llvm::Expected<uint32_t> artifact_architecture(const std::string& path) {
  llvm::Expected<std::vector<uint8_t>> start = read_prefix(path, kHeaderEnd);
  if (!start) return start.takeError();
  aotc_header header;
  if (start->size() < kHeaderEnd)
    return make_error(path, fmt::format("truncated: {} bytes, too short for a header", start->size()));
  std::memcpy(&header, start->data() + AOTC_HEADER_OFFSET, sizeof header);
  if (header.magic != AOTC_MAGIC) return make_error(path, "an ELF file, but not an artifact (no magic number)");
  if (header.architecture != AOTC_ARCH_X86_64 && header.architecture != AOTC_ARCH_AARCH64)
    return make_error(path, fmt::format("unknown architecture {}", header.architecture));
  return header.architecture;
}
