/* entry.h - what entry_<architecture>.S and C agree on: offsets into the private state, and the assembly entry points.
 *
 * Everything reached from compiled code lives in the section `aotc_helpers`, so that the signal handler can tell a
 * helper's pc from libc's.
 */
#ifndef AOTC_ENTRY_H
#define AOTC_ENTRY_H

/* Offsets from the start of struct aotc_instance, which lies AOTC_CONTEXT_SIZE below the base. */
#define AOTC_STATE_HOST_STACK 0
#define AOTC_STATE_GUEST_FRAME 8

/* enum aotc_trap, for assembly. */
#define AOTC_TRAP_UNREACHABLE_CODE 0

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Hidden, here and in state.h, so that no call goes through a table of addresses. */
#pragma GCC visibility push(hidden)
#define AOTC_HELPER_SECTION __attribute__((section("aotc_helpers")))
extern const char __start_aotc_helpers[];
extern const char __stop_aotc_helpers[];

/* Switches to the guest's stack, sets the base register and calls `code`, a preserve_none void(void). Returns AOTC_OK,
 * or the status given to aotc_leave. */
int aotc_enter(uint8_t* base, const void* code, void* stack_top);
/* Abandons the guest's stack: the aotc_enter that runs this instance returns `status`. Also the target of the signal
 * handler, which only sets the pc and the two argument registers. */
_Noreturn void aotc_leave(uint8_t* base, int status);
/* Ends the guest's call with `trap`, a enum aotc_trap, from a helper whose frame record is at `frame`. Needs no room on
 * the guest's stack, so a helper can trap wherever it can run. */
_Noreturn void aotc_raise(uint8_t* base, uint32_t trap, const void* frame);

/* Return addresses that a backtrace meets. */
extern const char aotc_enter_return[];
extern const char aotc_catch_call_return[];

/* Helper table entries written in assembly. */
void aotc_catch_call(void);
void aotc_unwind(void);
void aotc_host_call_entry(void);
void aotc_memory_grow_entry(void);
void aotc_table_grow_entry(void);
#pragma GCC visibility pop
#endif

#endif
