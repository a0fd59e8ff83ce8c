// describe_layout.cpp - what link() produced, read back from the artifact itself: sections, symbols, runs, entries.
#include "aotc/artifact_format.h"
#include "link.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

namespace aotc {

using namespace llvm;

namespace {

template <typename T>
T element(const std::vector<uint8_t>& file, const aotc_span& span, uint32_t index) {
  T value;
  std::memcpy(&value, file.data() + span.offset + index * sizeof(T), sizeof value);
  return value;
}

Error describe(const std::vector<uint8_t>& file, raw_ostream& out) {
  using Elf = object::ELFFile<object::ELF64LE>;
  aotc_header header;
  std::memcpy(&header, file.data() + AOTC_HEADER_OFFSET, sizeof header);
  StringRef bytes(reinterpret_cast<const char*>(file.data()), file.size());
  auto code = [](uint32_t offset) {
    return offset == AOTC_NONE ? std::string("none") : formatv("{0:x}", offset).str();
  };

  out << formatv("artifact {0} bytes, {1}, {2}, {3}{4}\n", header.file_size,
                 architecture_name(static_cast<Architecture>(header.architecture)), header.cpu,
                 header.tier == AOTC_TIER_QUICK ? "quick" : "best", header.flags & AOTC_FLAG_GO ? ", go" : "");
  Expected<Elf> elf = Elf::create(bytes);
  if (!elf) return elf.takeError();
  auto sections = elf->sections();
  if (!sections) return sections.takeError();
  const Elf::Elf_Shdr* symbol_table = nullptr;
  for (const Elf::Elf_Shdr& section : *sections) {
    auto name = elf->getSectionName(section);
    if (!name) return name.takeError();
    if (section.sh_type == ELF::SHT_SYMTAB) symbol_table = &section;
    if (section.sh_type != ELF::SHT_NULL)
      out << formatv("section {0,-14} offset {1:x} size {2:x}\n", *name, uint64_t{section.sh_offset},
                     uint64_t{section.sh_size});
  }

  // Addresses of code are from the start of text, as everywhere in the artifact.
  auto symbols = elf->symbols(symbol_table);
  if (!symbols) return symbols.takeError();
  for (const Elf::Elf_Sym& symbol : *symbols)
    if (symbol.getType() == ELF::STT_FUNC)
      out << formatv("code {0:x} size {1:x} {2}\n", uint64_t{symbol.st_value} - header.text.offset,
                     uint64_t{symbol.st_size}, bytes.data() + header.strings.offset + symbol.st_name);
  for (uint32_t i = 0; i < header.exports.count; ++i) {
    auto e = element<aotc_export>(file, header.exports, i);
    if (e.kind == AOTC_EXPORT_FUNCTION)
      out << formatv("export {0} function {1} thunk {2}\n", bytes.data() + header.strings.offset + e.name, e.index,
                     code(e.thunk));
  }
  out << "start thunk " << code(header.start_thunk) << "\nresume thunk " << code(header.resume_thunk) << "\n";
  for (uint32_t i = 0; i < header.image_runs.count; ++i) {
    auto run = element<aotc_image_run>(file, header.image_runs, i);
    out << formatv("image address {0:x} pages {1}\n", run.address, run.pages);
  }
  for (uint32_t i = 0; i < header.data_segments.count; ++i) {
    auto segment = element<aotc_data_segment>(file, header.data_segments, i);
    if (segment.offset != 0)
      out << formatv("data segment {0} {1} address {2:x} size {3}\n", i, segment.active ? "active" : "passive",
                     segment.address, segment.size);
  }
  return Error::success();
}

}  // namespace

std::string describe_layout(const Compilation& c) {
  std::string text;
  raw_string_ostream out(text);
  if (c.artifact.size() < AOTC_HEADER_OFFSET + sizeof(aotc_header)) return "no artifact\n";
  if (Error e = describe(c.artifact, out)) out << toString(std::move(e)) << "\n";
  return text;
}

}  // namespace aotc
