/* debugger.c - makes artifacts known to gdb through its JIT interface, so that it shows Go names and walks the stack.
 *
 * gdb reads an ELF image from our memory whose addresses are absolute. The artifact is one already, but at offset 0 and
 * with the code inside; so a small one is built that has .text without contents at its mapped address, and copies of
 * .symtab, .strtab and .eh_frame (which is position independent as long as the distance to .text stays).
 *
 * The section headers are the only part of the file read here that the loader has not checked, and only when a
 * developer asked for it. A file without usable ones is loaded without debugger support.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state.h"

/* gdb's side of the interface: it puts a breakpoint on the function and reads the descriptor. Weak, because a program
 * that also links LLVM has them already. */
struct jit_code_entry {
  struct jit_code_entry* next;
  struct jit_code_entry* previous;
  const void* symfile;
  uint64_t symfile_size;
};
struct jit_descriptor {
  uint32_t version;
  uint32_t action;
  struct jit_code_entry* relevant;
  struct jit_code_entry* first;
};
enum { kJitRegister = 1, kJitUnregister = 2 };

__attribute__((weak, noinline, used)) void __jit_debug_register_code(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((weak, used)) struct jit_descriptor __jit_debug_descriptor = {.version = 1};

static pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;
static bool g_enabled;

void aotc_debugger_enable(void) { g_enabled = true; }
bool aotc_debugger_enabled(void) { return g_enabled; }

enum { kText = 1, kEhFrame, kSymtab, kStrtab, kShstrtab, kSections };
static const char kSectionNames[] = "\0.text\0.eh_frame\0.symtab\0.strtab\0.shstrtab";
static const uint32_t kNameOffsets[kSections] = {0, 1, 7, 17, 25, 33};

static bool read_at(const struct aotc_artifact* artifact, void* to, uint64_t size, uint64_t offset) {
  if (offset > artifact->file_size || size > artifact->file_size - offset) return false;
  return pread(artifact->fd, to, size, (off_t)offset) == (ssize_t)size;
}

/* Finds the sections by name; those found have sh_type != SHT_NULL and lie inside the file. */
static bool find_sections(const struct aotc_artifact* artifact, Elf64_Shdr found[kSections]) {
  enum { kMaxSections = 64, kMaxNames = 4096 };
  Elf64_Ehdr elf;
  Elf64_Shdr headers[kMaxSections];
  char names[kMaxNames];
  memset(found, 0, kSections * sizeof(*found));
  if (!read_at(artifact, &elf, sizeof(elf), 0) || elf.e_shentsize != sizeof(Elf64_Shdr) || elf.e_shnum > kMaxSections ||
      elf.e_shstrndx >= elf.e_shnum || !read_at(artifact, headers, elf.e_shnum * sizeof(Elf64_Shdr), elf.e_shoff))
    return false;
  const Elf64_Shdr* name_section = &headers[elf.e_shstrndx];
  if (name_section->sh_size == 0 || name_section->sh_size > kMaxNames ||
      !read_at(artifact, names, name_section->sh_size, name_section->sh_offset))
    return false;
  names[name_section->sh_size - 1] = 0;
  for (uint32_t i = 0; i < elf.e_shnum; ++i) {
    if (headers[i].sh_name >= name_section->sh_size) continue;
    for (int k = kText; k < kShstrtab; ++k)
      if (strcmp(names + headers[i].sh_name, kSectionNames + kNameOffsets[k]) == 0 &&
          headers[i].sh_offset <= artifact->file_size &&
          headers[i].sh_size <= artifact->file_size - headers[i].sh_offset)
        found[k] = headers[i];
  }
  return found[kSymtab].sh_type == SHT_SYMTAB && found[kStrtab].sh_type == SHT_STRTAB;
}

static uint64_t align8(uint64_t n) { return (n + 7) & ~7ull; }

static uint8_t* build(const struct aotc_artifact* artifact, uint64_t* size) {
  Elf64_Shdr sections[kSections];
  if (!find_sections(artifact, sections)) return NULL;
  uint64_t load = (uint64_t)(uintptr_t)artifact->map;
  uint64_t source[kSections] = {0};
  uint64_t at = sizeof(Elf64_Ehdr) + sizeof(sections);
  for (int k = kText; k < kSections; ++k) {
    Elf64_Shdr* s = &sections[k];
    s->sh_name = kNameOffsets[k];
    source[k] = s->sh_offset;
    s->sh_offset = at;
    if (k == kText || k == kEhFrame) s->sh_addr = load + source[k];
    if (k == kText) {
      s->sh_type = SHT_NOBITS;
      s->sh_flags = SHF_ALLOC | SHF_EXECINSTR;
      s->sh_addr = (uint64_t)(uintptr_t)artifact->text;
      s->sh_size = artifact->text_size;
      continue;
    }
    if (k == kEhFrame) s->sh_flags = SHF_ALLOC, s->sh_type = SHT_PROGBITS;
    if (k == kSymtab) s->sh_link = kStrtab, s->sh_entsize = sizeof(Elf64_Sym);
    if (k == kShstrtab) s->sh_type = SHT_STRTAB, s->sh_size = sizeof(kSectionNames), s->sh_addralign = 1;
    at += align8(s->sh_size);
  }
  uint8_t* image = calloc(1, at);
  if (image == NULL) return NULL;
  Elf64_Ehdr* elf = (Elf64_Ehdr*)(void*)image;
  bool ok = read_at(artifact, elf, sizeof(*elf), 0);
  elf->e_type = ET_EXEC;
  elf->e_entry = 0;
  elf->e_phoff = elf->e_phnum = 0;
  elf->e_shoff = sizeof(*elf);
  elf->e_shnum = kSections;
  elf->e_shstrndx = kShstrtab;
  memcpy(image + sizeof(*elf), sections, sizeof(sections));
  for (int k = kEhFrame; k < kShstrtab; ++k)
    ok = ok && read_at(artifact, image + sections[k].sh_offset, sections[k].sh_size, source[k]);
  memcpy(image + sections[kShstrtab].sh_offset, kSectionNames, sizeof(kSectionNames));
  Elf64_Sym* symbols = (Elf64_Sym*)(void*)(image + sections[kSymtab].sh_offset);
  for (uint64_t i = 0; i < sections[kSymtab].sh_size / sizeof(*symbols); ++i) {
    if (symbols[i].st_shndx == SHN_UNDEF) continue;
    symbols[i].st_shndx = kText;
    symbols[i].st_value += load;
  }
  if (ok) {
    *size = at;
    return image;
  }
  free(image);
  return NULL;
}

void aotc_debugger_add(struct aotc_artifact* artifact) {
  if (!g_enabled) return;
  struct jit_code_entry* entry = calloc(1, sizeof(*entry));
  if (entry == NULL || (entry->symfile = build(artifact, &entry->symfile_size)) == NULL) {
    free(entry);
    return;
  }
  pthread_mutex_lock(&g_lock);
  entry->next = __jit_debug_descriptor.first;
  if (entry->next != NULL) entry->next->previous = entry;
  __jit_debug_descriptor.first = __jit_debug_descriptor.relevant = entry;
  __jit_debug_descriptor.action = kJitRegister;
  __jit_debug_register_code();
  pthread_mutex_unlock(&g_lock);
  artifact->debugger = entry;
}

void aotc_debugger_remove(struct aotc_artifact* artifact) {
  struct jit_code_entry* entry = artifact->debugger;
  if (entry == NULL) return;
  pthread_mutex_lock(&g_lock);
  if (entry->next != NULL) entry->next->previous = entry->previous;
  if (entry->previous != NULL)
    entry->previous->next = entry->next;
  else
    __jit_debug_descriptor.first = entry->next;
  __jit_debug_descriptor.relevant = entry;
  __jit_debug_descriptor.action = kJitUnregister;
  __jit_debug_register_code();
  pthread_mutex_unlock(&g_lock);
  free((void*)(uintptr_t)entry->symfile);
  free(entry);
  artifact->debugger = NULL;
}
