// build_identity.cpp - see build_identity.h. LLVM's build id is read from where the loader has put the library: there
// is no file to open, as the compiler runs where there are none.
#include "build_identity.h"

#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"

namespace aotc {

using namespace llvm;

extern const char kCompilerDigest[];  // written by the build, of the archive that this file is in

namespace {

struct Search {
  uintptr_t address;  // of something in the object that is looked for
  std::string build_id;
};

size_t padded(size_t size) { return (size + 3) & ~size_t{3}; }

// note ::= name-size:u32 size:u32 type:u32 name padding bytes padding
std::string find_build_id(ArrayRef<uint8_t> notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, notes.data(), sizeof head);
    size_t begin = sizeof head + padded(head.n_namesz), end = begin + padded(head.n_descsz);
    if (end > notes.size()) break;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == sizeof ELF_NOTE_GNU &&
        std::memcmp(notes.data() + sizeof head, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0)
      return toHex(notes.slice(begin, head.n_descsz), /*LowerCase=*/true);
    notes = notes.drop_front(end);
  }
  return "";
}

int look_at(dl_phdr_info* object, size_t, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  ArrayRef headers(object->dlpi_phdr, object->dlpi_phnum);
  if (none_of(headers, [&](const ElfW(Phdr) & header) {
        return header.p_type == PT_LOAD && search.address - object->dlpi_addr - header.p_vaddr < header.p_memsz;
      }))
    return 0;
  for (const ElfW(Phdr) & header : headers)
    if (header.p_type == PT_NOTE && search.build_id.empty())
      search.build_id = find_build_id(
          {reinterpret_cast<const uint8_t*>(object->dlpi_addr + header.p_vaddr), static_cast<size_t>(header.p_memsz)});
  return 1;
}

// Or its version where it was linked without one.
std::string llvm_build() {
  Search search{reinterpret_cast<uintptr_t>(&cl::ResetAllOptionOccurrences), ""};
  dl_iterate_phdr(look_at, &search);
  return search.build_id.empty() ? LLVM_VERSION_STRING : search.build_id;
}

}  // namespace

StringRef build_identity() {
  static const std::string identity = std::string(kCompilerDigest) + "-" + llvm_build();
  return identity;
}

}  // namespace aotc
