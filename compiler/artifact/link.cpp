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
#include "native/cpu_baseline.h"
#include "native/eh_frame.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SHA256.h"
#include "memory_image.h"
#include "native/relocation.h"
#include "support/version.h"

namespace aotc {
namespace {

using llvm::alignTo;

constexpr uint64_t kMaxText = 1ull << 31;
constexpr uint64_t kMaxTextArm = 128u << 20;       // reach of bl
constexpr uint64_t kMaxStaticTables = 256u << 20;  // bytes; a table is repeated per type used to call through it
constexpr uint64_t kMaxAlign = 4096;
constexpr uint64_t kSectionAlign = 64;
constexpr uint64_t kTrapPadding = 16;

// A fragment and its place: all functions in wasm order, then all thunks.
struct Unit {
  const Fragment* fragment;
  uint64_t text;    // offset from the start of text
  uint64_t rodata;  // offset from the start of rodata
};

// .strtab, with each string once.
class StringTable {
 public:
  uint32_t add(llvm::StringRef text) {
    auto [entry, is_new] = offsets_.try_emplace(text, static_cast<uint32_t>(bytes_.size()));
    if (is_new) (bytes_ += text) += '\0';
    return entry->second;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_ = std::string(1, '\0');
  llvm::StringMap<uint32_t> offsets_;
};

class Linker {
 public:
  explicit Linker(Compilation& c) : c_(c), m_(c.module), arm_(c.options.architecture == Architecture::AArch64) {}

  llvm::Error link();

 private:
  llvm::Error lay_out_text();
  llvm::Error lay_out_rodata();
  llvm::Error build_metadata();
  void append_data_segments();
  void build_symbols();
  void lay_out_file();
  void write_sections();
  llvm::Error write_static_tables();
  void write_function_refs();
  llvm::Error patch();
  void finish_header();
  void write_elf();

  // "function 412 (runtime.mallocgc)" or "thunk aotc.entry._start".
  std::string unit_name(size_t unit) const;
  llvm::Error error(const std::string& message) const {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s: %s", c_.options.module_name.c_str(),
                                   message.c_str());
  }

  size_t thunk_unit(size_t thunk) const { return c_.fragments.size() + thunk; }
  // The unit that is the code of a wasm function; -1 for an import without thunk.
  int64_t function_unit(uint32_t function) const {
    return function < m_.import_count() ? import_units_[function] : function - m_.import_count();
  }
  uint32_t entry_code(int64_t function) const {
    auto found = function < 0 ? entry_units_.end() : entry_units_.find(static_cast<uint32_t>(function));
    return found == entry_units_.end() ? AOTC_NONE : static_cast<uint32_t>(units_[found->second].text);
  }
  // Where the body of a function that a fragment names starts in the module.
  std::optional<uint32_t> body_of(const Fragment& fragment, uint32_t symbol) const {
    if (symbol >= fragment.symbols.size() || fragment.symbols[symbol].kind != SymbolKind::Function) return std::nullopt;
    uint32_t defined = fragment.symbols[symbol].index - m_.import_count();
    return defined < m_.functions.size() ? std::optional(m_.functions[defined].body.offset) : std::nullopt;
  }
  llvm::Expected<uint64_t> symbol_address(const Unit& unit, const Symbol& symbol) const;

  // Appends an array to the metadata, eight-byte aligned.
  template <typename T>
  void append_array(aotc_span& span, const std::vector<T>& array);

  Compilation& c_;
  const Module& m_;
  const bool arm_;
  const CpuBaseline* baseline_ = nullptr;

  std::vector<Unit> units_;
  std::vector<int64_t> import_units_;
  llvm::DenseMap<uint32_t, size_t> entry_units_;  // wasm function to the unit of its entry thunk
  int64_t trap_null_unit_ = -1;
  int64_t trap_type_unit_ = -1;

  uint64_t text_size_ = 0;
  uint64_t text_padding_ = 0;  // offset in text of trap instructions that belong to no function
  uint64_t rodata_size_ = 0;
  uint64_t rodata_align_ = kSectionAlign;
  std::vector<uint64_t> static_tables_;  // offsets in rodata
  uint64_t function_refs_ = 0;           // offset in rodata

  MemoryImage image_;
  std::vector<aotc_image_run> image_runs_;
  uint64_t image_runs_position_ = 0;  // in metadata_
  StringTable strings_;
  std::vector<uint8_t> metadata_;
  std::vector<llvm::ELF::Elf64_Sym> symbols_;
  std::vector<FrameDescription> frames_;

  aotc_header header_{};
  uint64_t eh_frame_header_ = 0;
  uint64_t eh_frame_ = 0;
  uint64_t eh_frame_size_ = 0;
  uint64_t symbol_table_ = 0;
};

// --- Names --------------------------------------------------------------------------------------------------------

std::string Linker::unit_name(size_t unit) const {
  if (unit >= c_.fragments.size()) return "thunk " + c_.thunks[unit - c_.fragments.size()].name;
  auto function = static_cast<uint32_t>(m_.import_count() + unit);
  std::string name = function < m_.names.size() ? m_.names[function] : "";
  return "function " + std::to_string(function) + (name.empty() ? "" : " (" + name + ")");
}

// --- Layout -------------------------------------------------------------------------------------------------------

llvm::Error Linker::lay_out_text() {
  for (const Fragment& fragment : c_.fragments) units_.push_back({&fragment, 0, 0});
  for (const Thunk& thunk : c_.thunks) units_.push_back({&thunk.fragment, 0, 0});

  import_units_.assign(m_.import_count(), -1);
  for (size_t i = 0; i < c_.thunks.size(); ++i) {
    const Thunk& thunk = c_.thunks[i];
    auto unit = static_cast<int64_t>(thunk_unit(i));
    switch (thunk.kind) {
      case ThunkKind::Import:
        if (thunk.index >= m_.import_count()) return error("thunk for an import that does not exist");
        import_units_[thunk.index] = unit;
        break;
      case ThunkKind::Entry:
        entry_units_.try_emplace(thunk.index, unit);
        break;
      case ThunkKind::TrapNull:
        trap_null_unit_ = unit;
        break;
      case ThunkKind::TrapType:
        trap_type_unit_ = unit;
        break;
    }
  }

  uint64_t size = 0;
  for (size_t i = 0; i < units_.size(); ++i) {
    const Fragment& fragment = *units_[i].fragment;
    if (fragment.text.empty() || !llvm::isPowerOf2_32(fragment.text_align) || fragment.text_align > kMaxAlign ||
        (arm_ && fragment.text.size() % 4 != 0))
      return error(unit_name(i) + ": malformed fragment");
    size = alignTo(size, std::max<uint64_t>(fragment.text_align, arm_ ? 4 : 1));
    units_[i].text = size;
    size += fragment.text.size();
    if (size > (arm_ ? kMaxTextArm : kMaxText))
      return error(unit_name(i) + ": code of all functions together is larger than " + (arm_ ? "128 MiB" : "2 GiB"));
  }
  text_padding_ = alignTo(size, kTrapPadding);
  text_size_ = text_padding_ + kTrapPadding;
  return llvm::Error::success();
}

llvm::Error Linker::lay_out_rodata() {
  for (size_t i = 0; i < units_.size(); ++i) {
    const Fragment& fragment = *units_[i].fragment;
    if (!llvm::isPowerOf2_32(fragment.rodata_align) || fragment.rodata_align > kMaxAlign)
      return error(unit_name(i) + ": malformed fragment");
    rodata_align_ = std::max<uint64_t>(rodata_align_, fragment.rodata_align);
    rodata_size_ = alignTo(rodata_size_, fragment.rodata_align);
    units_[i].rodata = rodata_size_;
    rodata_size_ += fragment.rodata.size();
  }
  uint64_t tables_size = 0;
  for (const StaticTable& table : c_.tables.static_tables) {
    rodata_size_ = alignTo(rodata_size_, kSectionAlign);
    static_tables_.push_back(rodata_size_);
    uint64_t size = 4 * c_.tables.contents[table.table].size();
    rodata_size_ += size;
    tables_size += size;
    if (tables_size > kMaxStaticTables) return error("immutable tables are larger than 256 MiB together");
  }
  if (c_.tables.needs_function_refs) {
    function_refs_ = rodata_size_ = alignTo(rodata_size_, kSectionAlign);
    rodata_size_ += 8 * uint64_t{m_.function_count()};
  }
  return llvm::Error::success();
}

// --- Metadata -----------------------------------------------------------------------------------------------------

template <typename T>
void Linker::append_array(aotc_span& span, const std::vector<T>& array) {
  metadata_.resize(alignTo(metadata_.size(), 8));
  span.offset = header_.metadata.offset + metadata_.size();
  span.count = static_cast<uint32_t>(array.size());
  const auto* bytes = reinterpret_cast<const uint8_t*>(array.data());
  metadata_.insert(metadata_.end(), bytes, bytes + array.size() * sizeof(T));
}

llvm::Error Linker::build_metadata() {
  header_.metadata.offset = alignTo(AOTC_HEADER_OFFSET + sizeof(aotc_header), kSectionAlign);

  std::vector<aotc_type> types;
  std::vector<uint8_t> type_bytes;
  for (const FuncType& type : m_.types) {
    types.push_back({static_cast<uint32_t>(type_bytes.size()), static_cast<uint16_t>(type.params.size()),
                     static_cast<uint16_t>(type.results.size())});
    for (ValueType v : type.params) type_bytes.push_back(static_cast<uint8_t>(v));
    for (ValueType v : type.results) type_bytes.push_back(static_cast<uint8_t>(v));
  }
  append_array(header_.types, types);
  append_array(header_.type_bytes, type_bytes);

  std::vector<aotc_import> imports;
  for (const Import& i : m_.imports) imports.push_back({strings_.add(i.module), strings_.add(i.field), i.type, AOTC_NONE});
  for (size_t i = 0; i < c_.go.import_wrappers.size(); ++i) imports[i].wrapper = c_.go.import_wrappers[i];
  append_array(header_.imports, imports);

  std::vector<aotc_export> exports;
  for (const Export& e : m_.exports) {
    aotc_export out{strings_.add(e.name), e.kind, e.index, AOTC_NONE, AOTC_NONE};
    if (e.kind == AOTC_EXPORT_FUNCTION) {
      out.type = m_.type_index(e.index);
      out.thunk = e.index < m_.import_count() ? AOTC_NONE : entry_code(e.index);
      if (e.index >= m_.import_count() && out.thunk == AOTC_NONE)
        return error("export " + e.name + " has no entry thunk");
    }
    exports.push_back(out);
  }
  append_array(header_.exports, exports);

  std::vector<aotc_global> globals;
  for (size_t i = 0; i < c_.global_slots.size(); ++i) {
    if (c_.global_slots[i] < 0) continue;
    auto slot = static_cast<size_t>(c_.global_slots[i]);
    if (slot >= AOTC_MAX_GLOBALS) return error("too many globals");
    if (slot >= globals.size()) globals.resize(slot + 1);
    const Global& global = m_.globals[i];
    globals[slot] = {{global.init[0], global.init[1]}, static_cast<uint32_t>(global.type), static_cast<uint32_t>(i)};
  }
  append_array(header_.globals, globals);

  std::vector<aotc_table_init> tables;
  for (size_t i = 0; i < c_.tables.descriptor.size(); ++i) {
    if (c_.tables.descriptor[i] < 0) continue;
    auto index = static_cast<size_t>(c_.tables.descriptor[i]);
    if (index >= AOTC_MAX_TABLES) return error("too many tables");
    if (index >= tables.size()) tables.resize(index + 1);
    tables[index] = {static_cast<uint32_t>(i), m_.tables[i].min, m_.tables[i].max};
  }
  append_array(header_.tables, tables);

  // Active segments of static tables are in the code already; declared ones have no entries at run time.
  std::vector<uint32_t> elements;
  std::vector<aotc_elem_segment> elem_segments;
  for (const ElemSegment& segment : m_.elems) {
    aotc_elem_segment out{static_cast<uint32_t>(elements.size()), 0, 0, 0, 0};
    int32_t descriptor = segment.mode == SegmentMode::Active ? c_.tables.descriptor[segment.table] : -1;
    if (segment.mode == SegmentMode::Passive || descriptor >= 0) {
      out.count = static_cast<uint32_t>(segment.entries.size());
      elements.insert(elements.end(), segment.entries.begin(), segment.entries.end());
    }
    if (descriptor >= 0) {
      out.active = 1;
      out.table = static_cast<uint32_t>(descriptor);
      out.address = segment.address;
    }
    elem_segments.push_back(out);
  }
  append_array(header_.elements, elements);

  std::vector<aotc_function> functions;
  std::vector<aotc_trap_site> trap_sites;
  for (size_t i = 0; i < units_.size(); ++i) {
    const Unit& unit = units_[i];
    auto code = static_cast<uint32_t>(unit.text);
    auto size = static_cast<uint32_t>(unit.fragment->text.size());
    if (i < c_.fragments.size()) {
      size_t function = m_.import_count() + i;
      bool has_name = function < m_.names.size() && !m_.names[function].empty();
      if (has_name) header_.flags |= AOTC_FLAG_NAMES;
      functions.push_back(
          {code, size, unit.fragment->frame_size, has_name ? strings_.add(m_.names[function]) : AOTC_NONE});
    }
    uint32_t previous = 0;
    for (const TrapSite& site : unit.fragment->trap_sites) {
      std::optional<uint32_t> body = body_of(*unit.fragment, site.symbol);
      if (!body || site.offset < previous || site.offset >= size) return error(unit_name(i) + ": malformed fragment");
      previous = site.offset;
      trap_sites.push_back({code + site.offset, *body + site.wasm_offset});
    }
  }
  append_array(header_.functions, functions);
  append_array(header_.trap_sites, trap_sites);

  append_data_segments();
  append_array(header_.elem_segments, elem_segments);

  for (const ImageRun& run : image_.runs) image_runs_.push_back({run.address, 0, run.bytes.size() / AOTC_IMAGE_PAGE});
  image_runs_position_ = alignTo(metadata_.size(), 8);
  append_array(header_.image_runs, image_runs_);  // file offsets follow in lay_out_file
  header_.metadata.size = metadata_.size();
  return llvm::Error::success();
}

// Go modules have tens of thousands of data segments, all in the image; records that nothing can refer to are left out.
void Linker::append_data_segments() {
  image_ = build_memory_image(m_);
  size_t count = m_.datas.size();
  while (count > 0 && image_.is_in_image[count - 1]) --count;
  if (count < m_.datas.size())
    for (const auto& function : m_.functions)
      for (const Instr& instr : function.body.code)
        if (instr.op == Op::MemoryInit || instr.op == Op::DataDrop) count = std::max<size_t>(count, instr.low() + 1);

  std::vector<aotc_data_segment> segments(count);
  append_array(header_.data_segments, segments);
  for (size_t i = 0; i < count; ++i) {
    const DataSegment& segment = m_.datas[i];
    if (image_.is_in_image[i]) continue;
    segments[i] = {header_.metadata.offset + metadata_.size(), static_cast<uint32_t>(segment.bytes.size()),
                   segment.mode == SegmentMode::Active, segment.address};
    metadata_.insert(metadata_.end(), segment.bytes.begin(), segment.bytes.end());
  }
  if (count > 0)
    std::memcpy(metadata_.data() + (header_.data_segments.offset - header_.metadata.offset), segments.data(),
                count * sizeof segments[0]);
}

void Linker::build_symbols() {
  symbols_.resize(1);  // ELF's null symbol
  for (size_t i = 0; i < units_.size(); ++i) {
    std::string name;
    if (i < c_.fragments.size())
      name = m_.display_name(static_cast<uint32_t>(m_.import_count() + i));
    else
      name = c_.thunks[i - c_.fragments.size()].name;
    llvm::ELF::Elf64_Sym symbol{};
    symbol.st_name = strings_.add(name);
    symbol.setBindingAndType(llvm::ELF::STB_LOCAL, llvm::ELF::STT_FUNC);
    symbol.st_value = units_[i].text;  // text's own offset is added when that is known
    symbol.st_size = units_[i].fragment->text.size();
    symbols_.push_back(symbol);
    frames_.push_back({units_[i].text, static_cast<uint32_t>(symbol.st_size), units_[i].fragment->cfi});
  }
}

void Linker::lay_out_file() {
  uint64_t offset = header_.metadata.offset + header_.metadata.size;
  auto place = [&](uint64_t size, uint64_t align) {
    uint64_t start = alignTo(offset, align);
    offset = start + size;
    return start;
  };
  header_.rodata = {place(rodata_size_, rodata_align_), rodata_size_, 0};
  eh_frame_header_ = place(eh_frame_header_size(frames_.size()), 8);
  eh_frame_size_ = eh_frame_size(c_.options.architecture, frames_);
  eh_frame_ = place(eh_frame_size_, 8);
  header_.strings = {place(strings_.bytes().size(), 8), strings_.bytes().size(), 0};
  header_.text = {place(text_size_, AOTC_TEXT_ALIGN), text_size_, 0};
  header_.load_size = offset = alignTo(offset, AOTC_IMAGE_PAGE);

  header_.image.offset = offset;
  for (aotc_image_run& run : image_runs_) run.offset = place(run.pages * AOTC_IMAGE_PAGE, AOTC_IMAGE_PAGE);
  header_.image.size = offset - header_.image.offset;
  symbol_table_ = place(symbols_.size() * sizeof(symbols_[0]), 8);

  if (!image_runs_.empty())
    std::memcpy(metadata_.data() + image_runs_position_, image_runs_.data(),
                image_runs_.size() * sizeof(aotc_image_run));
  for (size_t i = 1; i < symbols_.size(); ++i) {
    symbols_[i].st_value += header_.text.offset;
    symbols_[i].st_shndx = 7;  // .text, see write_elf
  }
  for (FrameDescription& frame : frames_) frame.code += header_.text.offset;
  c_.artifact.clear();
  c_.artifact.reserve(offset + strings_.bytes().size() / 8 + 4096);  // section headers and their names follow
  c_.artifact.resize(offset);
}

// --- Contents -----------------------------------------------------------------------------------------------------

void Linker::write_sections() {
  uint8_t* file = c_.artifact.data();
  llvm::copy(metadata_, file + header_.metadata.offset);  // any of these may be empty, and memcpy takes no null
  llvm::copy(strings_.bytes(), file + header_.strings.offset);
  std::memcpy(file + symbol_table_, symbols_.data(), symbols_.size() * sizeof(symbols_[0]));

  uint8_t* text = file + header_.text.offset;
  uint64_t mapped = header_.load_size - header_.text.offset;
  if (arm_)
    for (uint64_t i = 0; i < mapped; i += 4) llvm::support::endian::write32le(text + i, 0xd4200000);  // brk #0
  else
    std::memset(text, 0xcc, mapped);  // int3
  for (const Unit& unit : units_) {
    llvm::copy(unit.fragment->text, text + unit.text);
    llvm::copy(unit.fragment->rodata, file + header_.rodata.offset + unit.rodata);
  }

  std::vector<uint64_t> fdes;
  std::vector<uint8_t> eh_frame = write_eh_frame(c_.options.architecture, frames_, eh_frame_, fdes);
  llvm::copy(eh_frame, file + eh_frame_);
  std::vector<uint8_t> eh_frame_header = write_eh_frame_header(frames_, fdes, eh_frame_header_, eh_frame_);
  llvm::copy(eh_frame_header, file + eh_frame_header_);

  for (size_t i = 0; i < image_.runs.size(); ++i)
    llvm::copy(image_.runs[i].bytes, file + image_runs_[i].offset);
}

llvm::Error Linker::write_static_tables() {
  for (size_t i = 0; i < static_tables_.size(); ++i) {
    const StaticTable& table = c_.tables.static_tables[i];
    uint64_t address = header_.rodata.offset + static_tables_[i];
    uint8_t* out = c_.artifact.data() + address;
    for (uint32_t entry : c_.tables.contents[table.table]) {
      int64_t unit = entry == 0                               ? trap_null_unit_
                     : m_.type_index(entry - 1) != table.type ? trap_type_unit_
                                                              : function_unit(entry - 1);
      if (unit < 0) return error("table " + std::to_string(table.table) + ": entry without code");
      auto distance = static_cast<int64_t>(header_.text.offset + units_[unit].text - address);
      if (!llvm::isInt<32>(distance)) return error("table " + std::to_string(table.table) + ": entry out of range");
      llvm::support::endian::write32le(out, static_cast<uint32_t>(distance));
      out += 4;
    }
  }
  return llvm::Error::success();
}

// An import that nothing refers to has no thunk; its descriptor leads to trap instructions.
void Linker::write_function_refs() {
  if (!c_.tables.needs_function_refs) return;
  uint64_t address = header_.rodata.offset + function_refs_;
  uint8_t* out = c_.artifact.data() + address;
  for (uint32_t function = 0; function < m_.function_count(); ++function) {
    int64_t unit = function_unit(function);
    uint64_t code = header_.text.offset + (unit < 0 ? text_padding_ : units_[unit].text);
    llvm::support::endian::write32le(out, static_cast<uint32_t>(code - address));
    llvm::support::endian::write32le(out + 4, m_.type_index(function));
    out += 8;
  }
}

llvm::Expected<uint64_t> Linker::symbol_address(const Unit& unit, const Symbol& symbol) const {
  uint64_t text = header_.text.offset;
  uint64_t rodata = header_.rodata.offset;
  switch (symbol.kind) {
    case SymbolKind::Function:
      if (symbol.index < m_.function_count())
        if (int64_t target = function_unit(symbol.index); target >= 0) return text + units_[target].text;
      break;
    case SymbolKind::StaticTable:
      if (symbol.index < static_tables_.size()) return rodata + static_tables_[symbol.index];
      break;
    case SymbolKind::FunctionRefs:
      if (c_.tables.needs_function_refs) return rodata + function_refs_;
      break;
    case SymbolKind::Text:
      return text + unit.text;
    case SymbolKind::Rodata:
      return rodata + unit.rodata;
  }
  return error("undefined symbol");
}

std::string describe(const Symbol& symbol) {
  static const char* const kinds[] = {"function ", "static table ", "the function descriptors", "its text",
                                      "its rodata"};
  static_assert(std::size(kinds) == kSymbolKinds);
  std::string text = kinds[static_cast<size_t>(symbol.kind)];
  return text.back() == ' ' ? text + std::to_string(symbol.index) : text;
}

llvm::Error Linker::patch() {
  for (size_t i = 0; i < units_.size(); ++i) {
    const Unit& unit = units_[i];
    for (const Relocation& relocation : unit.fragment->relocations) {
      bool in_text = relocation.section == FragmentSection::Text;
      const char* problem = nullptr;
      uint64_t size = in_text ? unit.fragment->text.size() : unit.fragment->rodata.size();
      if (relocation.symbol >= unit.fragment->symbols.size()) return error(unit_name(i) + ": malformed fragment");
      const Symbol& symbol = unit.fragment->symbol_of(relocation);
      if (symbol.kind > SymbolKind::Rodata) return error(unit_name(i) + ": malformed fragment");
      if (relocation.offset + uint64_t{relocation_size(relocation.kind)} > size) {
        problem = "outside the fragment";
      } else if (auto address = symbol_address(unit, symbol); !address) {
        llvm::consumeError(address.takeError());
        problem = "undefined";
      } else {
        uint64_t place =
            relocation.offset + (in_text ? header_.text.offset + unit.text : header_.rodata.offset + unit.rodata);
        problem = apply_relocation(relocation.kind, c_.artifact.data() + place, place,
                                   *address + static_cast<uint64_t>(relocation.addend));
      }
      if (problem)
        return error(unit_name(i) + ": relocation at " + (in_text ? "text" : "rodata") + "+0x" +
                     llvm::utohexstr(relocation.offset, true) + " against " + describe(symbol) + ": " +
                     problem);
    }
  }
  return llvm::Error::success();
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
  header_.tier = static_cast<uint32_t>(c_.options.tier);
  header_.cpu_features = baseline_->features;
  std::array<uint8_t, 32> digest = llvm::SHA256::hash(c_.wasm);
  std::memcpy(header_.module_sha256, digest.data(), digest.size());
  std::strncpy(header_.compiler_version, aotc_version, sizeof header_.compiler_version - 1);
  std::strncpy(header_.cpu, baseline_->name, sizeof header_.cpu - 1);
  header_.file_size = c_.artifact.size();
  header_.memory_min = m_.memory_min;
  header_.memory_max = m_.memory_max;
  header_.start_thunk = entry_code(m_.start);
  header_.resume_thunk = c_.go.recognised ? entry_code(c_.go.resume_loop) : AOTC_NONE;
  header_.checksum = XXH3_64bits(&header_, offsetof(aotc_header, checksum));
  std::memcpy(c_.artifact.data() + AOTC_HEADER_OFFSET, &header_, sizeof header_);
}

void Linker::write_elf() {
  using namespace llvm::ELF;
  auto symbols_size = static_cast<uint64_t>(symbols_.size() * sizeof(symbols_[0]));
  std::vector<ElfSection> sections = {
      {".aotc.header", SHT_PROGBITS, SHF_ALLOC, AOTC_HEADER_OFFSET, sizeof header_, 8},
      {".aotc.meta", SHT_PROGBITS, SHF_ALLOC, header_.metadata.offset, header_.metadata.size, kSectionAlign},
      {".rodata", SHT_PROGBITS, SHF_ALLOC, header_.rodata.offset, header_.rodata.size, rodata_align_},
      {".eh_frame_hdr", SHT_PROGBITS, SHF_ALLOC, eh_frame_header_, eh_frame_header_size(frames_.size()), 4},
      {".eh_frame", SHT_PROGBITS, SHF_ALLOC, eh_frame_, eh_frame_size_, 8},
      {".strtab", SHT_STRTAB, SHF_ALLOC, header_.strings.offset, header_.strings.size, 1},
      {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, header_.text.offset, header_.text.size, AOTC_TEXT_ALIGN},
      {".aotc.image", SHT_PROGBITS, 0, header_.image.offset, header_.image.size, AOTC_IMAGE_PAGE},
      {".symtab", SHT_SYMTAB, 0, symbol_table_, symbols_size, 8, sizeof(symbols_[0]), 6,
       static_cast<uint32_t>(symbols_.size())},
  };
  ElfLayout layout{c_.options.architecture, header_.text.offset, header_.load_size, eh_frame_header_,
                   eh_frame_header_size(frames_.size())};
  write_elf_headers(c_.artifact, layout, std::move(sections));
}

llvm::Error Linker::link() {
  baseline_ = find_cpu_baseline(c_.options.architecture, c_.options.cpu);
  if (!baseline_) return error("unknown cpu " + c_.options.cpu);
  if (c_.fragments.size() != m_.functions.size()) return error("not every function has a fragment");
  if (c_.tables.descriptor.size() != m_.tables.size()) return error("not every table has a plan");

  if (llvm::Error e = lay_out_text()) return e;
  if (llvm::Error e = lay_out_rodata()) return e;
  if (llvm::Error e = build_metadata()) return e;
  build_symbols();
  if (strings_.bytes().size() > UINT32_MAX) return error("names are larger than 4 GiB");
  lay_out_file();
  write_sections();
  if (llvm::Error e = write_static_tables()) return e;
  write_function_refs();
  if (llvm::Error e = patch()) return e;
  write_elf();
  finish_header();
  if (m_.start >= 0 && header_.start_thunk == AOTC_NONE) return error("the start function has no entry thunk");
  return llvm::Error::success();
}

}  // namespace

llvm::Error link(Compilation& c) { return Linker(c).link(); }

}  // namespace aotc
