// read_object.cpp - see read_object.h.
//
// The object has one text section, any number of read-only data sections (jump tables, constants), which become the
// fragment's rodata one after the other, an .eh_frame with one CIE and one FDE, and relocations against those sections
// or against the symbols of calling_convention.h.
#include "read_object.h"

#include <map>

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

class ObjectReader {
 public:
  ObjectReader(const object::ELFFile<Elf>& file, Architecture architecture, const MachineNotes& notes,
               ArrayRef<LoweredBody> bodies)
      : file_(file), architecture_(architecture), notes_(notes), bodies_(bodies) {}

  Expected<Fragment> read() {
    fragment_.frame_size = notes_.frame_size;
    sections_ = cantFail(file_.sections());
    if (Error error = place_sections()) return error;
    read_symbols();
    if (Error error = read_relocations()) return error;
    read_trap_sites();
    return std::move(fragment_);
  }

 private:
  struct Place {
    FragmentSection section;
    uint64_t offset;
  };

  Error place_sections() {
    for (size_t i = 0; i < sections_.size(); ++i) {
      const auto& section = sections_[i];
      StringRef name = cantFail(file_.getSectionName(section));
      if (section.sh_type == ELF::SHT_SYMTAB) symbol_table_ = &section;
      if (!(section.sh_flags & ELF::SHF_ALLOC) || section.sh_size == 0) continue;
      if (section.sh_flags & ELF::SHF_WRITE) return fail("code generation produced writable data");
      ArrayRef<uint8_t> bytes = cantFail(file_.getSectionContents(section));
      if (name == ".eh_frame") {
        read_frame_description(bytes);
        continue;
      }
      bool is_text = section.sh_flags & ELF::SHF_EXECINSTR;
      std::vector<uint8_t>& target = is_text ? fragment_.text : fragment_.rodata;
      uint32_t& align = is_text ? fragment_.text_align : fragment_.rodata_align;
      align = std::max<uint32_t>(align, static_cast<uint32_t>(section.sh_addralign));
      target.resize(alignTo(target.size(), section.sh_addralign));
      places_[i] = {is_text ? FragmentSection::Text : FragmentSection::Rodata, target.size()};
      target.insert(target.end(), bytes.begin(), bytes.end());
    }
    return Error::success();
  }

  // CIE, then one FDE: length, CIE pointer, pc begin and range of four bytes each, augmentation size, instructions.
  void read_frame_description(ArrayRef<uint8_t> bytes) {
    uint32_t cie_size = support::endian::read32le(bytes.data());
    ArrayRef<uint8_t> fde = bytes.drop_front(4 + cie_size);
    uint32_t fde_size = support::endian::read32le(fde.data());
    ArrayRef<uint8_t> instructions = fde.slice(4, fde_size).drop_front(12 + 1);
    while (!instructions.empty() && instructions.back() == 0) instructions = instructions.drop_back();  // DW_CFA_nop
    fragment_.cfi.assign(instructions.begin(), instructions.end());
  }

  void read_symbols() {
    symbols_ = cantFail(file_.symbols(symbol_table_));
    strings_ = cantFail(file_.getStringTableForSymtab(*symbol_table_));
  }

  void read_trap_sites() {
    for (const auto& symbol : symbols_) {
      StringRef name = cantFail(symbol.getName(strings_));
      size_t site = 0;
      if (symbol.st_shndx == ELF::SHN_UNDEF || !name.consume_front("T") || name.getAsInteger(10, site)) continue;
      uint32_t line = notes_.lines[site];
      const LoweredBody& body =
          *std::prev(partition_point(bodies_, [&](const LoweredBody& b) { return b.line <= line; }));
      fragment_.trap_sites.push_back({static_cast<uint32_t>(symbol.st_value), body.function, line - body.line});
    }
    llvm::sort(fragment_.trap_sites, [](const TrapSite& a, const TrapSite& b) { return a.offset < b.offset; });
    for (TrapSite& trap : fragment_.trap_sites) trap.symbol = ordinal_of({SymbolKind::Function, trap.symbol});
  }

  Error read_relocations() {
    for (const auto& section : sections_) {
      if (section.sh_type != ELF::SHT_RELA) continue;
      auto place = places_.find(section.sh_info);
      if (place == places_.end()) continue;  // of .eh_frame
      for (const auto& entry : cantFail(file_.relas(section))) {
        Expected<RelocationKind> kind = relocation_kind(architecture_, entry.getType(false));
        if (!kind) return kind.takeError();
        Relocation relocation{static_cast<uint32_t>(place->second.offset + entry.r_offset), place->second.section,
                              *kind, 0, entry.r_addend};
        Expected<Symbol> symbol = resolve(symbols_[entry.getSymbol(false)], relocation.addend);
        if (!symbol) return symbol.takeError();
        relocation.symbol = ordinal_of(*symbol);
        fragment_.relocations.push_back(relocation);
      }
    }
    return Error::success();
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
    if (symbol.st_shndx != ELF::SHN_UNDEF) {
      auto place = places_.find(symbol.st_shndx);
      if (place == places_.end()) return fail("code generation refers to an unknown section");
      addend += static_cast<int64_t>(place->second.offset + symbol.st_value);
      return Symbol{place->second.section == FragmentSection::Text ? SymbolKind::Text : SymbolKind::Rodata};
    }
    StringRef name = cantFail(symbol.getName(strings_));
    StringRef number = name.drop_front();
    uint32_t index = 0;
    if (name == kFunctionRefsSymbol) return Symbol{SymbolKind::FunctionRefs};
    if (name.starts_with("f") && !number.getAsInteger(10, index)) return Symbol{SymbolKind::Function, index};
    if (name.starts_with("t") && !number.getAsInteger(10, index)) return Symbol{SymbolKind::StaticTable, index};
    return fail("code generation refers to the unknown symbol %s", name.str().c_str());
  }

  const object::ELFFile<Elf>& file_;
  const Architecture architecture_;
  const MachineNotes& notes_;
  const ArrayRef<LoweredBody> bodies_;
  Elf::ShdrRange sections_;
  Elf::SymRange symbols_;
  StringRef strings_;
  const Elf::Shdr* symbol_table_ = nullptr;
  std::map<uint64_t, Place> places_;
  DenseMap<uint64_t, uint32_t> ordinals_;  // of the fragment's symbols, by kind and index
  Fragment fragment_;
};

}  // namespace

Expected<Fragment> read_object(ArrayRef<char> bytes, Architecture architecture, const MachineNotes& notes,
                               ArrayRef<LoweredBody> bodies) {
  Expected<object::ELFFile<Elf>> file = object::ELFFile<Elf>::create(StringRef(bytes.data(), bytes.size()));
  if (!file) return file.takeError();
  return ObjectReader(*file, architecture, notes, bodies).read();
}

}  // namespace aotc
