// artifact_writer.h - the ELF wrapping of an artifact: file header, program headers, section headers, symbols.
//
// The linker lays the bytes out; this describes them, so that readelf, objdump, gdb and perf understand the file.
#pragma once

#include <string>
#include <vector>

#include "compile.h"
#include "llvm/BinaryFormat/ELF.h"

namespace aotc {

// A section whose bytes are already in the file. Loaded ones (SHF_ALLOC) have virtual address = file offset.
struct ElfSection {
  const char* name;
  uint32_t type;
  uint64_t flags;
  uint64_t offset;
  uint64_t size;
  uint64_t align;
  uint64_t entry_size = 0;
  uint32_t link = 0;
  uint32_t info = 0;
};

struct ElfLayout {
  Architecture architecture;
  uint64_t text;       // start of the executable part
  uint64_t load_size;  // its end, and the end of what is mapped
  uint64_t eh_frame_header;
  uint64_t eh_frame_header_size;
};

// Appends .shstrtab and the section headers to `file`, and writes the ELF header and the program headers into the bytes
// reserved for them before AOTC_HEADER_OFFSET.
void write_elf_headers(std::vector<uint8_t>& file, const ElfLayout& layout, std::vector<ElfSection> sections);

}  // namespace aotc
