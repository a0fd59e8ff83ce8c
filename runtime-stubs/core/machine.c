/* machine.c - what the signal handlers need to know about the CPU: registers in a signal's context, the trap
 * instruction, and how to send an interrupted guest to aotc_leave.
 */
#define _GNU_SOURCE
#include <string.h>
#include <ucontext.h>

#include "state.h"

#if defined(__x86_64__)

int aotc_machine_trap_signal(void) { return SIGILL; }

struct aotc_cursor aotc_machine_cursor(const void* context) {
  const greg_t* r = ((const ucontext_t*)context)->uc_mcontext.gregs;
  return (struct aotc_cursor){.pc = (uintptr_t)r[REG_RIP], .sp = (uintptr_t)r[REG_RSP], .exact = true};
}

void aotc_machine_leave(void* context, uint8_t* base, int status) {
  greg_t* r = ((ucontext_t*)context)->uc_mcontext.gregs;
  r[REG_RIP] = (greg_t)(uintptr_t)aotc_leave;
  r[REG_RDI] = (greg_t)(uintptr_t)base;
  r[REG_RSI] = status;
}

/* ud1 code(%eax), %eax, which has no displacement byte when the code is 0. */
int aotc_machine_trap_code(uintptr_t pc, uintptr_t available) {
  static const uint8_t kOpcode[] = {0x67, 0x0f, 0xb9};
  enum { kModRmNone = 0x00, kModRmDisplacement8 = 0x40 };
  const uint8_t* at = (const uint8_t*)pc;
  if (available < 4 || memcmp(at, kOpcode, sizeof(kOpcode)) != 0) return -1;
  if (at[3] == kModRmNone) return 0;
  return at[3] == kModRmDisplacement8 && available >= 5 && at[4] < AOTC_TRAP_COUNT ? at[4] : -1;
}

#elif defined(__aarch64__)

int aotc_machine_trap_signal(void) { return SIGTRAP; }

struct aotc_cursor aotc_machine_cursor(const void* context) {
  const mcontext_t* m = &((const ucontext_t*)context)->uc_mcontext;
  return (struct aotc_cursor){.pc = (uintptr_t)m->pc,
                              .sp = (uintptr_t)m->sp,
                              .fp = (uintptr_t)m->regs[29],
                              .lr = (uintptr_t)m->regs[30],
                              .exact = true};
}

void aotc_machine_leave(void* context, uint8_t* base, int status) {
  mcontext_t* m = &((ucontext_t*)context)->uc_mcontext;
  m->pc = (uintptr_t)aotc_leave;
  m->regs[0] = (uintptr_t)base;
  m->regs[1] = (unsigned)status;
}

/* brk #0x5500 + code */
int aotc_machine_trap_code(uintptr_t pc, uintptr_t available) {
  uint32_t instruction;
  if (available < 4 || pc % 4 != 0) return -1;
  memcpy(&instruction, (const void*)pc, 4);
  uint32_t code = (instruction >> 5 & 0xffff) - 0x5500;
  return (instruction & 0xffe0001f) == 0xd4200000 && code < AOTC_TRAP_COUNT ? (int)code : -1;
}

#endif
