// read_object.cpp - see read_object.h.
//
// Each function has a text section of its own, and read-only data sections of its own if it has jump tables or other
// tables. Constants are in sections that all functions share; labels say which are whose. A function's data become the
// fragment's rodata one after the other: constants, then tables. .eh_frame has one CIE and an FDE for each function.
// Relocations are against sections, or against the symbols of calling_convention.h; another function of the same object
// is such a symbol.
#include "read_object.h"

#include <map>
#include <set>

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/LEB128.h"
#include "lower/calling_convention.h"

namespace aotc {

using namespace llvm;
using Elf = object::ELF64LE;

namespace {

template <typename... Args>
Error fail(const char* format, Args... args) {
  return createStringError(inconvertibleErrorCode(), format, args...);
}

Expected<RelocationKind> relocation_kind(Architecture architecture, uint32_t type) {
  if (architecture == Architecture::X86_64) {
    switch (type) {
      case ELF::R_X86_64_PC32:
      case ELF::R_X86_64_PLT32:
        return RelocationKind::Pc32;
      case ELF::R_X86_64_PC64:
        return RelocationKind::Pc64;
      case ELF::R_X86_64_32:
      case ELF::R_X86_64_32S:
        return RelocationKind::Abs32;
      default:
        break;
    }
  } else {
    switch (type) {
      case ELF::R_AARCH64_CALL26:
      case ELF::R_AARCH64_JUMP26:
        return RelocationKind::ArmCall26;
      case ELF::R_AARCH64_ADR_PREL_PG_HI21:
        return RelocationKind::ArmAdrpPage21;
      case ELF::R_AARCH64_ADD_ABS_LO12_NC:
        return RelocationKind::ArmAddLow12;
      case ELF::R_AARCH64_LDST8_ABS_LO12_NC:
        return RelocationKind::ArmLoad8Low12;
      case ELF::R_AARCH64_LDST16_ABS_LO12_NC:
        return RelocationKind::ArmLoad16Low12;
      case ELF::R_AARCH64_LDST32_ABS_LO12_NC:
        return RelocationKind::ArmLoad32Low12;
      case ELF::R_AARCH64_LDST64_ABS_LO12_NC:
        return RelocationKind::ArmLoad64Low12;
      case ELF::R_AARCH64_LDST128_ABS_LO12_NC:
        return RelocationKind::ArmLoad128Low12;
      case ELF::R_AARCH64_PREL32:
        return RelocationKind::Pc32;
      case ELF::R_AARCH64_PREL64:
        return RelocationKind::Pc64;
      default:
        break;
    }
  }
  return fail("code generation produced relocation type %u", type);
}

// What is in the object, by what it is asked for.
struct ObjectIndex {
  Elf::ShdrRange sections;
  Elf::SymRange symbols;
  StringRef strings;
  StringMap<const Elf::Sym*> defined;                // by name
  DenseMap<uint32_t, const Elf::Shdr*> relocations;  // by the section that they patch
  DenseMap<uint32_t, ArrayRef<uint8_t>> frames;      // FDE instructions, by the text section that they describe
  DenseSet<uint32_t> shared;                         // sections of constants
};

// CIE, then FDEs: length, CIE pointer, pc begin and range of four bytes each, augmentation size, instructions.
void index_frames(const object::ELFFile<Elf>& file, uint32_t section, ObjectIndex& index) {
  ArrayRef<uint8_t> bytes = cantFail(file.getSectionContents(index.sections[section]));
  DenseMap<uint64_t, uint32_t> code;  // by the place of pc begin
  if (const Elf::Shdr* relocations = index.relocations.lookup(section))
    for (const auto& entry : cantFail(file.relas(*relocations)))
      code[entry.r_offset] = index.symbols[entry.getSymbol(false)].st_shndx;
  for (size_t at = 0; at + 8 <= bytes.size();) {
    uint32_t size = support::endian::read32le(&bytes[at]);
    if (size == 0) return;
    if (support::endian::read32le(&bytes[at + 4]) != 0) {
      ArrayRef<uint8_t> instructions = bytes.slice(at + 4, size).drop_front(12 + 1);
      while (!instructions.empty() && instructions.back() == 0) instructions = instructions.drop_back();  // DW_CFA_nop
      index.frames[code.lookup(at + 8)] = instructions;
    }
    at += 4 + size;
  }
}

Expected<ObjectIndex> make_index(const object::ELFFile<Elf>& file, ArrayRef<MachineNotes> notes) {
  ObjectIndex index;
  index.sections = cantFail(file.sections());
  std::optional<uint32_t> frames;
  for (uint32_t i = 0; i < index.sections.size(); ++i) {
    const auto& section = index.sections[i];
    if (section.sh_type == ELF::SHT_RELA) index.relocations[section.sh_info] = &section;
    if (section.sh_type == ELF::SHT_SYMTAB) {
      index.symbols = cantFail(file.symbols(&section));
      index.strings = cantFail(file.getStringTableForSymtab(section));
    }
    if (!(section.sh_flags & ELF::SHF_ALLOC) || section.sh_size == 0) continue;
    if (section.sh_flags & ELF::SHF_WRITE) return fail("code generation produced writable data");
    if (cantFail(file.getSectionName(section)) == ".eh_frame") frames = i;
  }
  for (const auto& symbol : index.symbols)
    if (symbol.st_shndx != ELF::SHN_UNDEF) index.defined[cantFail(symbol.getName(index.strings))] = &symbol;
  for (size_t function = 0; function < notes.size(); ++function)
    for (size_t part = 0; part < notes[function].constant_aligns.size(); ++part)
      index.shared.insert(index.defined.lookup(constants_symbol('C', function, part))->st_shndx);
  if (frames) index_frames(file, *frames, index);
  return index;
}

class FragmentReader {
 public:
  FragmentReader(const object::ELFFile<Elf>& file, const ObjectIndex& index, Architecture architecture, size_t function,
                 const MachineNotes& notes, ArrayRef<LoweredBody> bodies)
      : file_(file), index_(index), architecture_(architecture), function_(function), notes_(notes), bodies_(bodies) {}

  Expected<Fragment> read() {
    fragment_.frame_size = notes_.frame_size;
    text_ = index_.defined.lookup(notes_.symbol)->st_shndx;
    append(text_, fragment_.text, fragment_.text_align, FragmentSection::Text);
    place_constants();
    place_tables();
    for (uint32_t section : order_)
      if (Error error = read_relocations(section)) return error;
    read_trap_sites();
    ArrayRef<uint8_t> frame = index_.frames.lookup(text_);
    fragment_.cfi.assign(frame.begin(), frame.end());
    return std::move(fragment_);
  }

 private:
  struct Place {
    FragmentSection section;
    uint64_t offset;  // in the fragment
    uint64_t start;   // in the object's section
    uint64_t size;
  };

  void append(uint32_t number, std::vector<uint8_t>& target, uint32_t& align, FragmentSection section) {
    const auto& header = index_.sections[number];
    append(number, target, align, section, static_cast<uint32_t>(header.sh_addralign), 0, header.sh_size);
  }

  void append(uint32_t number, std::vector<uint8_t>& target, uint32_t& align, FragmentSection section,
              uint32_t own_align, uint64_t start, uint64_t size) {
    ArrayRef<uint8_t> bytes = cantFail(file_.getSectionContents(index_.sections[number])).slice(start, size);
    align = std::max(align, own_align);
    target.resize(alignTo(target.size(), own_align));
    places_[number] = {section, target.size(), start, size};
    order_.push_back(number);
    target.insert(target.end(), bytes.begin(), bytes.end());
  }

  void place_constants() {
    for (size_t part = 0; part < notes_.constant_aligns.size(); ++part) {
      const Elf::Sym& begin = *index_.defined.lookup(constants_symbol('C', function_, part));
      const Elf::Sym& end = *index_.defined.lookup(constants_symbol('D', function_, part));
      append(begin.st_shndx, fragment_.rodata, fragment_.rodata_align, FragmentSection::Rodata,
             notes_.constant_aligns[part], begin.st_value, end.st_value - begin.st_value);
    }
  }

  // What else of read-only data its code refers to: jump tables, then those of results that are looked up.
  void place_tables() {
    const Elf::Shdr* relocations = index_.relocations.lookup(text_);
    if (!relocations) return;
    std::set<uint32_t> numbers;
    for (const auto& entry : cantFail(file_.relas(*relocations))) {
      uint32_t number = index_.symbols[entry.getSymbol(false)].st_shndx;
      if (number == ELF::SHN_UNDEF || number >= index_.sections.size() || places_.count(number)) continue;
      if ((index_.sections[number].sh_flags & ELF::SHF_EXECINSTR) || index_.shared.contains(number)) continue;
      numbers.insert(number);
    }
    for (uint32_t number : numbers) append(number, fragment_.rodata, fragment_.rodata_align, FragmentSection::Rodata);
  }

  void read_trap_sites() {
    for (size_t i = 0; i < notes_.lines.size(); ++i) {
      const Elf::Sym* symbol = index_.defined.lookup(trap_site_symbol(notes_.first_site + i));
      if (!symbol) continue;
      uint32_t line = notes_.lines[i];
      const LoweredBody& body =
          *std::prev(partition_point(bodies_, [&](const LoweredBody& b) { return b.line <= line; }));
      fragment_.trap_sites.push_back({static_cast<uint32_t>(symbol->st_value), body.function, line - body.line});
    }
    llvm::sort(fragment_.trap_sites, [](const TrapSite& a, const TrapSite& b) { return a.offset < b.offset; });
    for (TrapSite& trap : fragment_.trap_sites) trap.symbol = ordinal_of({SymbolKind::Function, trap.symbol});
  }

  Error read_relocations(uint32_t section) {
    const Elf::Shdr* relocations = index_.relocations.lookup(section);
    if (!relocations) return Error::success();
    const Place& place = places_.at(section);
    for (const auto& entry : cantFail(file_.relas(*relocations))) {
      if (entry.r_offset < place.start || entry.r_offset >= place.start + place.size) continue;
      Expected<RelocationKind> kind = relocation_kind(architecture_, entry.getType(false));
      if (!kind) return kind.takeError();
      Relocation relocation{static_cast<uint32_t>(place.offset + entry.r_offset - place.start), place.section, *kind, 0,
                            entry.r_addend};
      Expected<Symbol> symbol = resolve(index_.symbols[entry.getSymbol(false)], relocation.addend);
      if (!symbol) return symbol.takeError();
      if (symbol->kind == SymbolKind::Constant && architecture_ == Architecture::AArch64) move_constant(relocation);
      if ((symbol->kind == SymbolKind::Constant) != is_of_constant(relocation.kind))
        return fail("code generation used relocation type %u for another symbol", entry.getType(false));
      relocation.symbol = ordinal_of(*symbol);
      fragment_.relocations.push_back(relocation);
    }
    return Error::success();
  }

  // LLVM makes a number of 32 bits as it makes an address: adrp, then add to the same register. Here these become movz
  // and movk, which do not depend on where the code is.
  void move_constant(Relocation& relocation) {
    if (relocation.section != FragmentSection::Text) return;
    uint8_t* at = &fragment_.text[relocation.offset];
    uint32_t instruction = support::endian::read32le(at), to = instruction & 31, from = instruction >> 5 & 31;
    if (relocation.kind == RelocationKind::ArmAdrpPage21) {
      support::endian::write32le(at, 0xd2a00000 | to);
      relocation.kind = RelocationKind::ArmMovHigh16;
    } else if (relocation.kind == RelocationKind::ArmAddLow12 && to == from) {
      support::endian::write32le(at, 0xf2800000 | to);
      relocation.kind = RelocationKind::ArmMovLow16;
    }
  }

  // The index of a symbol in the fragment's list.
  uint32_t ordinal_of(Symbol symbol) {
    uint64_t key = uint64_t{static_cast<uint8_t>(symbol.kind)} << 32 | symbol.index;
    auto [entry, is_new] = ordinals_.try_emplace(key, static_cast<uint32_t>(fragment_.symbols.size()));
    if (is_new) fragment_.symbols.push_back(symbol);
    return entry->second;
  }

  // What LLVM's symbol means; in the fragment's own sections it has an offset, which goes to the addend.
  Expected<Symbol> resolve(const Elf::Sym& symbol, int64_t& addend) const {
    if (auto place = places_.find(symbol.st_shndx); symbol.st_shndx != ELF::SHN_UNDEF && place != places_.end()) {
      addend +=
          static_cast<int64_t>(place->second.offset + symbol.st_value) - static_cast<int64_t>(place->second.start);
      return Symbol{place->second.section == FragmentSection::Text ? SymbolKind::Text : SymbolKind::Rodata};
    }
    StringRef name = cantFail(symbol.getName(index_.strings));
    StringRef number = name.drop_front();
    uint32_t index = 0;
    if (name == kFunctionRefsSymbol) return Symbol{SymbolKind::FunctionRefs};
    if (name.starts_with("f") && !number.getAsInteger(10, index)) return Symbol{SymbolKind::Function, index};
    if (name.starts_with("c") && !number.getAsInteger(10, index)) return Symbol{SymbolKind::Constant, index};
    if (name.starts_with("t") && !number.getAsInteger(10, index)) return Symbol{SymbolKind::StaticTable, index};
    if (symbol.st_shndx != ELF::SHN_UNDEF) return fail("code generation refers to an unknown section");
    return fail("code generation refers to the unknown symbol %s", name.str().c_str());
  }

  const object::ELFFile<Elf>& file_;
  const ObjectIndex& index_;
  const Architecture architecture_;
  const size_t function_;
  const MachineNotes& notes_;
  const ArrayRef<LoweredBody> bodies_;
  uint32_t text_ = 0;
  std::map<uint32_t, Place> places_;       // by section
  std::vector<uint32_t> order_;            // of places_, as they follow each other
  DenseMap<uint64_t, uint32_t> ordinals_;  // of the fragment's symbols, by kind and index
  Fragment fragment_;
};

}  // namespace

std::vector<Expected<Fragment>> read_object(ArrayRef<char> bytes, Architecture architecture,
                                            ArrayRef<MachineNotes> notes, ArrayRef<ArrayRef<LoweredBody>> bodies) {
  auto file = cantFail(object::ELFFile<Elf>::create(StringRef(bytes.data(), bytes.size())));
  std::vector<Expected<Fragment>> fragments;
  Expected<ObjectIndex> index = make_index(file, notes);
  std::string refused = index ? "" : toString(index.takeError());
  for (size_t i = 0; i < notes.size(); ++i) {
    if (index) {
      fragments.push_back(FragmentReader(file, *index, architecture, i, notes[i], bodies[i]).read());
    } else {
      fragments.push_back(fail("%s", refused.c_str()));
    }
  }
  return fragments;
}

}  // namespace aotc
