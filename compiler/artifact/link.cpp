// link.cpp - fragments to an artifact.
//
// Everything is placed first, as offsets within its section; then the sections get their places in the file; then the
// bytes are written once, in file order, and relocations are patched where they lie. Virtual address = file offset, so
// one number serves as both. Order depends on the module alone: the same fragments give the same file.
//
// LLD and JITLink lost: both want an object file per function (or a graph), resolve symbols by name, and know nothing
// of the offsets and tables below, which are most of the work. Here a symbol is a kind and an index into an array.
#include "link.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "aotc/abi.h"
#include "aotc/artifact_format.h"
#include "artifact_writer.h"
#include "layout.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "metadata.h"
#include "native/cpu_baseline.h"
#include "native/eh_frame.h"
#include "native/relocation.h"
#include "registry/digest.h"
#include "support/version.h"

namespace aotc {

using namespace llvm;

namespace {

// Sections of the file, in the order of their headers; ELF's own null section comes before them.
enum SectionIndex : uint16_t {
  kHeader,
  kMeta,
  kRodata,
  kEhFrameHeader,
  kEhFrame,
  kStrings,
  kText,
  kImage,
  kSymbols,
  kSections
};
constexpr uint16_t number_of(SectionIndex index) { return index + 1; }

class Linker {
 public:
  explicit Linker(Compilation& c) : c_(c), m_(c.module), layout_(c) {}

  Error link();

 private:
  void build_symbols();
  void lay_out_file();
  void write_sections();
  Error write_static_tables();
  void write_function_refs();
  Error patch();
  void finish_header();
  void write_elf();

  Expected<uint64_t> symbol_address(const Unit& unit, const Symbol& symbol) const;

  Compilation& c_;
  const Module& m_;
  const CpuBaseline* baseline_ = nullptr;

  Layout layout_;
  StringTable strings_;
  Metadata metadata_;
  std::vector<ELF::Elf64_Sym> symbols_;
  std::vector<FrameDescription> frames_;

  aotc_header header_{};
  uint64_t eh_frame_header_ = 0;
  uint64_t eh_frame_ = 0;
  uint64_t eh_frame_size_ = 0;
  uint64_t symbol_table_ = 0;
};

void Linker::build_symbols() {
  symbols_.resize(1);  // ELF's null symbol
  for (size_t i = 0; i < layout_.units.size(); ++i) {
    bool is_thunk = i >= c_.fragments.size();
    std::string name = is_thunk ? c_.thunks[i - c_.fragments.size()].name
                                : m_.display_name(static_cast<uint32_t>(m_.import_count() + i));
    ELF::Elf64_Sym symbol{};
    symbol.st_name = strings_.add(name);
    symbol.setBindingAndType(ELF::STB_LOCAL, ELF::STT_FUNC);
    symbol.st_value = layout_.units[i].text;  // text's own offset is added when that is known
    symbol.st_size = layout_.units[i].fragment->text.size();
    symbols_.push_back(symbol);
    frames_.push_back({layout_.units[i].text, static_cast<uint32_t>(symbol.st_size), layout_.units[i].fragment->cfi});
  }
}

void Linker::lay_out_file() {
  uint64_t offset = header_.metadata.offset + header_.metadata.size;
  auto place = [&](uint64_t size, uint64_t align) {
    uint64_t start = alignTo(offset, align);
    offset = start + size;
    return start;
  };
  header_.rodata = {place(layout_.rodata_size, layout_.rodata_align), layout_.rodata_size, 0};
  eh_frame_header_ = place(eh_frame_header_size(frames_.size()), 8);
  eh_frame_size_ = eh_frame_size(c_.options.architecture, frames_);
  eh_frame_ = place(eh_frame_size_, 8);
  header_.strings = {place(strings_.bytes().size(), 8), strings_.bytes().size(), 0};
  header_.text = {place(layout_.text_size, AOTC_TEXT_ALIGN), layout_.text_size, 0};
  header_.load_size = offset = alignTo(offset, AOTC_IMAGE_PAGE);

  header_.image.offset = offset;
  for (aotc_image_run& run : metadata_.image_runs) run.offset = place(run.pages * AOTC_IMAGE_PAGE, AOTC_IMAGE_PAGE);
  header_.image.size = offset - header_.image.offset;
  symbol_table_ = place(symbols_.size() * sizeof(symbols_[0]), 8);

  if (!metadata_.image_runs.empty())
    std::memcpy(metadata_.bytes.data() + metadata_.image_runs_position, metadata_.image_runs.data(),
                metadata_.image_runs.size() * sizeof(aotc_image_run));
  for (size_t i = 1; i < symbols_.size(); ++i) {
    symbols_[i].st_value += header_.text.offset;
    symbols_[i].st_shndx = number_of(kText);
  }
  for (FrameDescription& frame : frames_) frame.code += header_.text.offset;
  c_.artifact.clear();
  c_.artifact.reserve(offset + strings_.bytes().size() / 8 + 4096);  // section headers and their names follow
  c_.artifact.resize(offset);
}

// --- Contents -----------------------------------------------------------------------------------------------------

void Linker::write_sections() {
  uint8_t* file = c_.artifact.data();
  copy(metadata_.bytes, file + header_.metadata.offset);  // any of these may be empty, and memcpy takes no null
  copy(strings_.bytes(), file + header_.strings.offset);
  std::memcpy(file + symbol_table_, symbols_.data(), symbols_.size() * sizeof(symbols_[0]));

  uint8_t* text = file + header_.text.offset;
  uint64_t mapped = header_.load_size - header_.text.offset;
  if (layout_.is_arm)
    for (uint64_t i = 0; i < mapped; i += 4) support::endian::write32le(text + i, 0xd4200000);  // brk #0
  else
    std::memset(text, 0xcc, mapped);  // int3
  for (const Unit& unit : layout_.units) {
    copy(unit.fragment->text, text + unit.text);
    copy(unit.fragment->rodata, file + header_.rodata.offset + unit.rodata);
  }

  std::vector<uint64_t> fdes;
  std::vector<uint8_t> eh_frame = write_eh_frame(c_.options.architecture, frames_, eh_frame_, fdes);
  copy(eh_frame, file + eh_frame_);
  std::vector<uint8_t> eh_frame_header = write_eh_frame_header(frames_, fdes, eh_frame_header_, eh_frame_);
  copy(eh_frame_header, file + eh_frame_header_);

  for (size_t i = 0; i < metadata_.image.runs.size(); ++i)
    copy(metadata_.image.runs[i].bytes, file + metadata_.image_runs[i].offset);
}

Error Linker::write_static_tables() {
  for (size_t i = 0; i < layout_.static_tables.size(); ++i) {
    const StaticTable& table = c_.tables.static_tables[i];
    uint64_t address = header_.rodata.offset + layout_.static_tables[i];
    uint8_t* out = c_.artifact.data() + address;
    for (uint32_t entry : c_.tables.contents[table.table]) {
      int64_t unit = entry == 0                               ? layout_.trap_null_unit
                     : m_.type_index(entry - 1) != table.type ? layout_.trap_type_unit
                                                              : layout_.function_unit(entry - 1);
      if (unit < 0) return layout_.error("table " + std::to_string(table.table) + ": entry without code");
      auto distance = static_cast<int64_t>(header_.text.offset + layout_.units[unit].text - address);
      if (!isInt<32>(distance)) return layout_.error("table " + std::to_string(table.table) + ": entry out of range");
      support::endian::write32le(out, static_cast<uint32_t>(distance));
      out += 4;
    }
  }
  return Error::success();
}

// An import that nothing refers to has no thunk; its descriptor leads to trap instructions.
void Linker::write_function_refs() {
  if (!c_.tables.needs_function_refs) return;
  uint64_t address = header_.rodata.offset + layout_.function_refs;
  uint8_t* out = c_.artifact.data() + address;
  for (uint32_t function = 0; function < m_.function_count(); ++function) {
    int64_t unit = layout_.function_unit(function);
    uint64_t code = header_.text.offset + (unit < 0 ? layout_.text_padding : layout_.units[unit].text);
    support::endian::write32le(out, static_cast<uint32_t>(code - address));
    support::endian::write32le(out + 4, m_.type_index(function));
    out += 8;
  }
}

Expected<uint64_t> Linker::symbol_address(const Unit& unit, const Symbol& symbol) const {
  uint64_t text = header_.text.offset;
  uint64_t rodata = header_.rodata.offset;
  switch (symbol.kind) {
    case SymbolKind::Function:
      if (symbol.index < m_.function_count())
        if (int64_t target = layout_.function_unit(symbol.index); target >= 0) return text + layout_.units[target].text;
      break;
    case SymbolKind::StaticTable:
      if (symbol.index < layout_.static_tables.size()) return rodata + layout_.static_tables[symbol.index];
      break;
    case SymbolKind::FunctionRefs:
      if (c_.tables.needs_function_refs) return rodata + layout_.function_refs;
      break;
    case SymbolKind::Text:
      return text + unit.text;
    case SymbolKind::Rodata:
      return rodata + unit.rodata;
    case SymbolKind::Constant:
      return symbol.index;
  }
  return layout_.error("undefined symbol");
}

std::string describe(const Symbol& symbol) {
  static const char* const kinds[] = {"function ", "static table ", "the function descriptors",
                                      "its text",  "its rodata",    "constant "};
  static_assert(std::size(kinds) == kSymbolKinds);
  std::string text = kinds[static_cast<size_t>(symbol.kind)];
  return text.back() == ' ' ? text + std::to_string(symbol.index) : text;
}

Error Linker::patch() {
  for (size_t i = 0; i < layout_.units.size(); ++i) {
    const Unit& unit = layout_.units[i];
    for (const Relocation& relocation : unit.fragment->relocations) {
      bool in_text = relocation.section == FragmentSection::Text;
      const char* problem = nullptr;
      uint64_t size = in_text ? unit.fragment->text.size() : unit.fragment->rodata.size();
      if (relocation.symbol >= unit.fragment->symbols.size())
        return layout_.error(layout_.unit_name(i) + ": malformed fragment");
      const Symbol& symbol = unit.fragment->symbol_of(relocation);
      if (symbol.kind > SymbolKind::Constant ||
          (symbol.kind == SymbolKind::Constant) != is_of_constant(relocation.kind))
        return layout_.error(layout_.unit_name(i) + ": malformed fragment");
      if (relocation.offset + uint64_t{relocation_size(relocation.kind)} > size) {
        problem = "outside the fragment";
      } else if (auto address = symbol_address(unit, symbol); !address) {
        consumeError(address.takeError());
        problem = "undefined";
      } else {
        uint64_t place =
            relocation.offset + (in_text ? header_.text.offset + unit.text : header_.rodata.offset + unit.rodata);
        problem = apply_relocation(relocation.kind, c_.artifact.data() + place, place,
                                   *address + static_cast<uint64_t>(relocation.addend));
      }
      if (problem)
        return layout_.error(layout_.unit_name(i) + ": relocation at " + (in_text ? "text" : "rodata") + "+0x" +
                             utohexstr(relocation.offset, true) + " against " + describe(symbol) + ": " + problem);
    }
  }
  return Error::success();
}

void Linker::finish_header() {
  auto hash = [&](aotc_section& section) {
    section.xxh3 = XXH3_64bits(c_.artifact.data() + section.offset, section.size);
  };
  hash(header_.metadata);
  hash(header_.rodata);
  hash(header_.strings);
  hash(header_.text);
  hash(header_.image);

  header_.magic = AOTC_MAGIC;
  header_.format_version = AOTC_FORMAT_VERSION;
  header_.abi_version = AOTC_ABI_VERSION;
  header_.header_size = sizeof header_;
  if (c_.go.recognised) header_.flags |= AOTC_FLAG_GO;
  if (m_.has_memory) header_.flags |= AOTC_FLAG_MEMORY;
  header_.architecture = static_cast<uint32_t>(c_.options.architecture);
  header_.tier = c_.options.tier == Tier::Quick || c_.stats.quick_functions != 0 ? AOTC_TIER_QUICK : AOTC_TIER_BEST;
  header_.cpu_features = baseline_->features;
  std::array<uint8_t, 32> digest = c_.digest.valid() ? c_.digest.get() : sha256_raw(toStringRef(c_.wasm));
  std::memcpy(header_.module_sha256, digest.data(), digest.size());
  std::strncpy(header_.compiler_version, aotc_version, sizeof header_.compiler_version - 1);
  std::strncpy(header_.cpu, baseline_->name, sizeof header_.cpu - 1);
  header_.file_size = c_.artifact.size();
  header_.memory_min = m_.memory_min;
  header_.memory_max = m_.memory_max;
  header_.start_thunk = layout_.entry_code(m_.start);
  header_.resume_thunk = c_.go.recognised ? layout_.entry_code(c_.go.resume_loop) : AOTC_NONE;
  header_.checksum = XXH3_64bits(&header_, offsetof(aotc_header, checksum));
  std::memcpy(c_.artifact.data() + AOTC_HEADER_OFFSET, &header_, sizeof header_);
}

void Linker::write_elf() {
  using namespace llvm::ELF;
  auto symbols_size = static_cast<uint64_t>(symbols_.size() * sizeof(symbols_[0]));
  std::vector<ElfSection> sections(kSections);
  sections[kHeader] = {".aotc.header", SHT_PROGBITS, SHF_ALLOC, AOTC_HEADER_OFFSET, sizeof header_, 8};
  sections[kMeta] = {".aotc.meta",          SHT_PROGBITS, SHF_ALLOC, header_.metadata.offset,
                     header_.metadata.size, kSectionAlign};
  sections[kRodata] = {".rodata",           SHT_PROGBITS,        SHF_ALLOC, header_.rodata.offset,
                       header_.rodata.size, layout_.rodata_align};
  sections[kEhFrameHeader] = {
      ".eh_frame_hdr", SHT_PROGBITS, SHF_ALLOC, eh_frame_header_, eh_frame_header_size(frames_.size()), 4};
  sections[kEhFrame] = {".eh_frame", SHT_PROGBITS, SHF_ALLOC, eh_frame_, eh_frame_size_, 8};
  sections[kStrings] = {".strtab", SHT_STRTAB, SHF_ALLOC, header_.strings.offset, header_.strings.size, 1};
  sections[kText] = {".text",           SHT_PROGBITS,   SHF_ALLOC | SHF_EXECINSTR, header_.text.offset,
                     header_.text.size, AOTC_TEXT_ALIGN};
  sections[kImage] = {".aotc.image", SHT_PROGBITS, 0, header_.image.offset, header_.image.size, AOTC_IMAGE_PAGE};
  sections[kSymbols] = {".symtab",           SHT_SYMTAB,          0,
                        symbol_table_,       symbols_size,        8,
                        sizeof(symbols_[0]), number_of(kStrings), static_cast<uint32_t>(symbols_.size())};
  ElfLayout layout{c_.options.architecture, header_.text.offset, header_.load_size, eh_frame_header_,
                   eh_frame_header_size(frames_.size())};
  write_elf_headers(c_.artifact, layout, std::move(sections));
}

Error Linker::link() {
  baseline_ = find_cpu_baseline(c_.options.architecture, c_.options.cpu);
  if (!baseline_) return layout_.error("unknown cpu " + c_.options.cpu);
  if (c_.fragments.size() != m_.functions.size()) return layout_.error("not every function has a fragment");
  if (c_.tables.descriptor.size() != m_.tables.size()) return layout_.error("not every table has a plan");

  if (Error e = layout_.lay_out_text()) return e;
  if (Error e = layout_.lay_out_rodata()) return e;
  Expected<Metadata> metadata = build_metadata(layout_, strings_, header_);
  if (!metadata) return metadata.takeError();
  metadata_ = std::move(*metadata);
  build_symbols();
  if (strings_.bytes().size() > UINT32_MAX) return layout_.error("names are larger than 4 GiB");
  lay_out_file();
  write_sections();
  if (Error e = write_static_tables()) return e;
  write_function_refs();
  if (Error e = patch()) return e;
  write_elf();
  finish_header();
  if (m_.start >= 0 && header_.start_thunk == AOTC_NONE) return layout_.error("the start function has no entry thunk");
  return Error::success();
}

}  // namespace

Error link(Compilation& c) { return Linker(c).link(); }

}  // namespace aotc
