/* backtrace.c - fills in struct aotc_trap_info: where the guest was and who called.
 *
 * Runs in signal handlers, so it allocates nothing, and reads only the artifact and the accessible part of the guest's
 * stack; every word found there is a guess until it proves to be an address in text.
 *
 * x86-64 code keeps no frame pointers. The frame size of each function is in the artifact, so the return address of a
 * function that is inside a call, or in its body, lies at a known distance. An instruction of a prologue or of a thunk
 * has no such entry: there the nearest word that follows a call instruction is taken. Interpreting .eh_frame would be
 * exact, at the price of a DWARF interpreter in a signal handler. AArch64 code keeps frame records, and x29 leads from
 * one to the next. Frames of the runtime's own assembly are stepped over.
 */
#include <string.h>

#include "state.h"

static bool in_text(const struct aotc_artifact* artifact, uintptr_t pc) {
  return pc - (uintptr_t)artifact->text < artifact->text_size;
}

/* A word of the guest's stack. */
static bool read_word(const struct aotc_instance* instance, uintptr_t address, uintptr_t* value) {
  uintptr_t low = (uintptr_t)instance->stack_low, high = (uintptr_t)instance->stack_top;
  if (address % sizeof(uintptr_t) != 0 || address < low || address > high - sizeof(uintptr_t)) return false;
  memcpy(value, (const void*)address, sizeof(*value));
  return true;
}

#if defined(__x86_64__)

static bool follows_call(const struct aotc_artifact* artifact, uintptr_t pc) {
  uintptr_t at = pc - (uintptr_t)artifact->text;
  if (at == 0 || at > artifact->text_size) return false;
  const uint8_t* p = artifact->text + at;
  if (at >= 5 && p[-5] == 0xe8) return true;
  for (int k = 2; k <= 8 && (uintptr_t)k <= at; ++k)
    if (p[-k] == 0xff && (p[-k + 1] >> 3 & 7) == 2) return true;
  return false;
}

/* Whether `address` holds a return address, into compiled code or into catch_call. */
static bool is_return(const struct aotc_instance* instance, uintptr_t address, uintptr_t* pc) {
  return read_word(instance, address, pc) &&
         (*pc == (uintptr_t)aotc_enter_return || *pc == (uintptr_t)aotc_catch_call_return ||
          follows_call(instance->artifact, *pc));
}

static bool step(const struct aotc_instance* instance, struct aotc_cursor* cursor) {
  enum { kMaxPushes = 8, kMaxScan = 256 };
  uintptr_t at = 0, pc = 0;
  if (!cursor->exact && cursor->pc == (uintptr_t)aotc_catch_call_return) {
    at = cursor->sp + 24;
    if (!is_return(instance, at, &pc)) return false;
  } else {
    const struct aotc_artifact* artifact = instance->artifact;
    const struct aotc_function* function = NULL;
    if (in_text(artifact, cursor->pc - !cursor->exact))
      function = aotc_artifact_function(artifact, (uint32_t)(cursor->pc - !cursor->exact - (uintptr_t)artifact->text));
    uintptr_t words = function == NULL ? kMaxScan : cursor->exact ? kMaxPushes : 0;
    bool found = false;
    if (function != NULL) {
      at = cursor->sp + function->frame_size;
      found = is_return(instance, at, &pc);
    }
    for (uintptr_t i = 0; i < words && !found; ++i) {
      at = (cursor->sp & ~(uintptr_t)7) + 8 * i;
      found = is_return(instance, at, &pc);
    }
    if (!found) return false;
  }
  if (pc == (uintptr_t)aotc_enter_return) return false;
  *cursor = (struct aotc_cursor){.pc = pc, .sp = at + 8};
  return true;
}

struct aotc_cursor aotc_cursor_above(const void* frame) {
  const uintptr_t* record = frame;
  return (struct aotc_cursor){.pc = record[1], .sp = (uintptr_t)(record + 2)};
}

#elif defined(__aarch64__)

static bool step(const struct aotc_instance* instance, struct aotc_cursor* cursor) {
  uintptr_t caller_fp, pc;
  if (!read_word(instance, cursor->fp, &caller_fp) || !read_word(instance, cursor->fp + 8, &pc)) return false;
  /* A function, or a helper, that has not made its frame record yet: x30 is the return address, and leads out of it. */
  if (cursor->exact && cursor->lr != pc && in_text(instance->artifact, cursor->lr)) {
    uintptr_t text = (uintptr_t)instance->artifact->text;
    if (!in_text(instance->artifact, cursor->pc) ||
        aotc_artifact_function(instance->artifact, (uint32_t)(cursor->lr - text)) !=
            aotc_artifact_function(instance->artifact, (uint32_t)(cursor->pc - text))) {
      *cursor = (struct aotc_cursor){.pc = cursor->lr, .fp = cursor->fp};
      return true;
    }
  }
  if (pc == (uintptr_t)aotc_enter_return) return false;
  /* Records lie one above the other; anything else would loop. */
  if (caller_fp != 0 && caller_fp <= cursor->fp && in_text(instance->artifact, pc)) caller_fp = 0;
  *cursor = (struct aotc_cursor){.pc = pc, .fp = caller_fp};
  return true;
}

struct aotc_cursor aotc_cursor_above(const void* frame) {
  const uintptr_t* record = frame;
  return (struct aotc_cursor){.pc = record[1], .fp = record[0]};
}

#endif

void aotc_record_trap(struct aotc_instance* instance, enum aotc_trap trap, uint64_t address,
                      struct aotc_cursor cursor) {
  enum { kMaxSteps = 4 * AOTC_MAX_BACKTRACE };
  struct aotc_trap_info* info = &instance->trap;
  const struct aotc_artifact* artifact = instance->artifact;
  info->trap = trap;
  info->address = address;
  info->wasm_offset = AOTC_NONE;
  info->frames = 0;
  info->truncated = false;
  bool first = true;
  for (int steps = 0; steps < kMaxSteps; ++steps) {
    uintptr_t pc = cursor.pc - !cursor.exact;
    if (in_text(artifact, pc)) {
      uint32_t code = (uint32_t)(pc - (uintptr_t)artifact->text);
      if (info->frames == AOTC_MAX_BACKTRACE) {
        info->truncated = true;
        return;
      }
      info->code[info->frames++] = code;
      if (first)
        info->wasm_offset = aotc_artifact_wasm_offset(artifact, (uint32_t)(cursor.pc - (uintptr_t)artifact->text));
      first = false;
    }
    if (!step(instance, &cursor)) return;
  }
  info->truncated = true;
}
