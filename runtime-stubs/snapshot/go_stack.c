/* go_stack.c - who called an import: the functions on a Go program's stack, in linear memory.
 *
 * The native stack does not tell: a goroutine that has been away goes on in its innermost function, and only there.
 * Go's own stack is whole. At an import the stack pointer is at a return address; above it lie the arguments, then the
 * caller's frame, then the address to which that returns. A return address is PC_F << 16 | PC_B, and how large the
 * frame is there says the table of stack pointer deltas, which belongs to the function's entry in the table of
 * functions:
 *
 *   header   = u32 0xfffffff1, u8 0, u8 0, u8 1, u8 8, u64 functions, ...;
 *              u64 offsets of names at 32, of pc tables at 56, of functab at 64
 *   functab  = (u32 entry, u32 offset of func in functab)*functions, u32 end
 *   func     = u32 entry, i32 name, i32 args, u32 deferreturn, u32 pcsp, ...
 *   pcsp     = (zig-zag varint delta of the value, varint delta of the pc)*     value from -1, pc from the entry
 *
 * `entry` counts functions since Go 1.26, and is PC_F << 16 relative to the first before. The memory is the program's:
 * what does not fit ends the walk. Source: runtime/symtab.go, runtime/runtime2.go, cmd/link/internal/ld/pcln.go of
 * Go 1.21 to 1.27.
 */
#define _GNU_SOURCE
#include <string.h>

#include "core/state.h"

enum { kFirstFunction = 0x1000, /* PC_F */ kMaxVarint = 5, kMaxSteps = 4096, kMaxTries = 64 };

static bool load(const struct aotc_instance* instance, uint64_t address, void* out, uint32_t size) {
  const void* at = address > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)address, size);
  if (at != NULL) memcpy(out, at, size);
  return at != NULL;
}

static bool read_header(const struct aotc_instance* instance, uint64_t header, struct aotc_go_table* t) {
  uint64_t count = 0, names = 0, pcs = 0, functab = 0;
  uint32_t first = 0, second = 0;
  if (!load(instance, header + 8, &count, 8) || !load(instance, header + 32, &names, 8) ||
      !load(instance, header + 56, &pcs, 8) || !load(instance, header + 64, &functab, 8))
    return false;
  if (count != instance->artifact->header->functions.count || count < 2 || names > UINT32_MAX || pcs > UINT32_MAX ||
      functab > UINT32_MAX)
    return false;
  t->header = header;
  t->names = header + names;
  t->pcs = header + pcs;
  t->functab = header + functab;
  if (!load(instance, t->functab, &first, 4) || !load(instance, t->functab + 8, &second, 4)) return false;
  if (second - first != 1 && second - first != 1u << 16) return false;
  t->count = (uint32_t)count;
  return true;
}

bool aotc_go_table_find(const struct aotc_instance* instance, struct aotc_go_table* t) {
  static const uint8_t kMagic[] = {0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8};
  const uint8_t *memory = aotc_base(instance), *at = memory;
  uint64_t size = aotc_tail(instance)->memory_size;
  for (int tries = 0; tries < kMaxTries; ++tries, ++at) {
    at = memmem(at, size - (uint64_t)(at - memory), kMagic, sizeof(kMagic));
    if (at == NULL) return false;
    if (read_header(instance, (uint64_t)(at - memory), t)) return true;
  }
  return false;
}

static bool read_varint(const struct aotc_instance* instance, uint64_t* at, uint32_t* value) {
  *value = 0;
  for (int i = 0; i < kMaxVarint; ++i) {
    uint8_t byte;
    if (!load(instance, (*at)++, &byte, 1)) return false;
    *value |= (uint32_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return true;
  }
  return false;
}

/* Bytes of the frame of function `index` when it stands at PC_B `pc`. */
static bool frame_size(const struct aotc_instance* instance, const struct aotc_go_table* t, uint64_t func, uint32_t pc,
                       uint32_t* size) {
  uint32_t pcsp, delta;
  if (!load(instance, func + 16, &pcsp, 4)) return false;
  uint64_t at = t->pcs + pcsp, end = 0;
  int64_t value = -1;
  for (int step = 0; step < kMaxSteps; ++step) {
    if (!read_varint(instance, &at, &delta) || (delta == 0 && step != 0)) return false;
    value += delta & 1 ? -(int64_t)(delta >> 1) - 1 : (int64_t)(delta >> 1);
    if (!read_varint(instance, &at, &delta)) return false;
    end += delta;
    if (pc >= end) continue;
    *size = (uint32_t)value;
    return value >= 0 && value <= INT32_MAX && value % 8 == 0;
  }
  return false;
}

static bool read_name(const struct aotc_instance* instance, uint64_t address, struct aotc_go_frame* frame) {
  frame->function[0] = 0;
  for (size_t i = 0; i < sizeof(frame->function); ++i) {
    if (!load(instance, address + i, &frame->function[i], 1)) break;
    if (frame->function[i] == 0) return i != 0;
  }
  frame->function[sizeof(frame->function) - 1] = 0;
  return frame->function[0] != 0;
}

bool aotc_go_caller(const struct aotc_instance* instance, const struct aotc_go_table* t, uint64_t* sp,
                    struct aotc_go_frame* frame) {
  uint64_t pc, func;
  uint32_t offset, name, size;
  if (!load(instance, *sp, &pc, 8) || pc >> 16 < kFirstFunction || (pc >> 16) - kFirstFunction >= t->count)
    return false;
  if (!load(instance, t->functab + 8 * ((pc >> 16) - kFirstFunction) + 4, &offset, 4)) return false;
  func = t->functab + offset;
  if (!load(instance, func + 4, &name, 4) || !frame_size(instance, t, func, (uint32_t)(pc & 0xffff), &size) ||
      !read_name(instance, t->names + name, frame))
    return false;
  *sp += 8 + (uint64_t)size;
  frame->arguments = *sp + 8;
  return true;
}

uint64_t aotc_go_stack_pointer(const struct aotc_instance* instance) {
  uint32_t sp;
  memcpy(&sp, aotc_base(instance) + AOTC_GLOBAL_OFFSET(0), sizeof(sp));
  return sp;
}
