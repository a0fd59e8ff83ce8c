// artifact_writer.cpp - fills LLVM's ELF structures and copies them into the file. llvm::ELF declares them in host
// order, which is the file's: both our targets and our hosts are little-endian.
#include "artifact_writer.h"

#include <bit>
#include <cstring>

#include "aotc/artifact_format.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

namespace {

using namespace llvm::ELF;

static_assert(std::endian::native == std::endian::little);

Elf64_Phdr segment(uint32_t type, uint32_t flags, uint64_t begin, uint64_t end, uint64_t align) {
  Elf64_Phdr header{};
  header.p_type = type;
  header.p_flags = flags;
  header.p_offset = header.p_vaddr = header.p_paddr = begin;
  header.p_filesz = header.p_memsz = end - begin;
  header.p_align = align;
  return header;
}

template <typename T>
void append(std::vector<uint8_t>& file, const T& value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  file.insert(file.end(), bytes, bytes + sizeof value);
}

}  // namespace

void write_elf_headers(std::vector<uint8_t>& file, const ElfLayout& layout, std::vector<ElfSection> sections) {
  std::string names(1, '\0');
  std::vector<uint32_t> name_offsets;
  sections.push_back({".shstrtab", SHT_STRTAB, 0, file.size(), 0, 1});
  for (const ElfSection& section : sections) {
    name_offsets.push_back(static_cast<uint32_t>(names.size()));
    names += section.name;
    names += '\0';
  }
  sections.back().size = names.size();
  file.insert(file.end(), names.begin(), names.end());
  file.resize(alignTo(file.size(), 8));

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ElfMagic, 4);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = layout.architecture == Architecture::X86_64 ? EM_X86_64 : EM_AARCH64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_shoff = file.size();
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<uint16_t>(sections.size() + 1);
  header.e_shstrndx = static_cast<uint16_t>(sections.size());

  const Elf64_Phdr segments[] = {
      segment(PT_LOAD, PF_R, 0, layout.text, AOTC_TEXT_ALIGN),
      segment(PT_LOAD, PF_R | PF_X, layout.text, layout.load_size, AOTC_TEXT_ALIGN),
      segment(PT_GNU_EH_FRAME, PF_R, layout.eh_frame_header, layout.eh_frame_header + layout.eh_frame_header_size, 4),
      segment(PT_GNU_STACK, PF_R | PF_W, 0, 0, 16),
  };
  static_assert(sizeof header + sizeof segments <= AOTC_HEADER_OFFSET);
  header.e_phnum = static_cast<uint16_t>(std::size(segments));
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, segments, sizeof segments);

  append(file, Elf64_Shdr{});
  for (size_t i = 0; i < sections.size(); ++i) {
    const ElfSection& section = sections[i];
    Elf64_Shdr entry{};
    entry.sh_name = name_offsets[i];
    entry.sh_type = section.type;
    entry.sh_flags = section.flags;
    entry.sh_addr = section.flags & SHF_ALLOC ? section.offset : 0;
    entry.sh_offset = section.offset;
    entry.sh_size = section.size;
    entry.sh_link = section.link;
    entry.sh_info = section.info;
    entry.sh_addralign = section.align;
    entry.sh_entsize = section.entry_size;
    append(file, entry);
  }
}

}  // namespace aotc
