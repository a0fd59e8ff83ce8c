/* guest.h - hand-written compiled code for the runtime's unit tests: what guest_<architecture>.S defines.
 *
 * Each entry is a thunk, void(void), with arguments and results in the scratch slots.
 */
#ifndef AOTC_TEST_GUEST_H
#define AOTC_TEST_GUEST_H

/* name, frame size on x86-64; in the order in which they lie in text. */
#define GUEST_FUNCTIONS(X)   \
  X(guest_add, 0)            \
  X(guest_trap, 8)           \
  X(guest_trap_middle, 24)   \
  X(guest_trap_leaf, 0)      \
  X(guest_load, 0)           \
  X(guest_store, 0)          \
  X(guest_recurse, 8)        \
  X(guest_recurse_inner, 40) \
  X(guest_loop, 0)           \
  X(guest_host, 8)           \
  X(guest_host_loop, 8)      \
  X(guest_helper, 8)         \
  X(guest_helper_loop, 8)    \
  X(guest_catch, 56)         \
  X(guest_catch_inner, 8)    \
  X(guest_catch_deep, 24)    \
  X(guest_unwind_outside, 8) \
  X(guest_host_nested, 8)    \
  X(guest_unreachable, 0)    \
  X(guest_deep, 0)           \
  X(guest_deep_catch, 0)

#ifndef __ASSEMBLER__
#define X(name, frame) extern const char name[];
GUEST_FUNCTIONS(X)
#undef X
extern const char guest_start[];
extern const char guest_end[];
/* The trap instruction in guest_trap_leaf. */
extern const char guest_trap_site[];
#endif
#endif
