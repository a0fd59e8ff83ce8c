/* trap.c - turns faults of compiled code into traps, and leaves everything else to whoever else wants it.
 *
 * A fault is the guest's only if this thread runs an instance, the pc lies in that instance's artifact (or in the
 * helpers it calls), and it is a trap instruction or an address of the instance's own reservation or stack guard. The
 * handler records where it happened and sends the thread to aotc_leave with the signal's context, so no handler frame
 * is left behind. A fault anywhere else is a bug in the host: the previous handler or the default action gets it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "state.h"

static const int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
enum { kSignalCount = sizeof(kSignals) / sizeof(kSignals[0]) };
static struct sigaction g_previous[kSignalCount];

static const char* const kMessages[] = {"unreachable",
                                        "integer divide by zero",
                                        "integer overflow",
                                        "invalid conversion to integer",
                                        "out of bounds memory access",
                                        "out of bounds table access",
                                        "undefined element",
                                        "uninitialized element",
                                        "indirect call type mismatch",
                                        "call stack exhausted",
                                        "deadline exceeded",
                                        "goroutine resumed at an unexpected point"};
_Static_assert(sizeof(kMessages) / sizeof(kMessages[0]) == AOTC_TRAP_COUNT, "one message per trap");

const char* aotc_trap_message(enum aotc_trap trap) {
  return (unsigned)trap < AOTC_TRAP_COUNT ? kMessages[trap] : "unknown trap";
}

/* Decides whether the fault is a trap of `instance`. */
static bool classify(const struct aotc_instance* instance, int signal, const siginfo_t* info, uintptr_t pc,
                     enum aotc_trap* trap, uint64_t* address) {
  const struct aotc_artifact* artifact = instance->artifact;
  uintptr_t text_at = pc - (uintptr_t)artifact->text;
  uintptr_t helper_at = pc - (uintptr_t)__start_aotc_helpers;
  uintptr_t helper_size = (uintptr_t)(__stop_aotc_helpers - __start_aotc_helpers);
  bool in_text = text_at < artifact->text_size;
  if (info->si_code <= 0 || (!in_text && helper_at >= helper_size)) return false;

  uintptr_t fault = (uintptr_t)info->si_addr;
  switch (signal) {
    case SIGSEGV:
    case SIGBUS: {
      uintptr_t memory = (uintptr_t)aotc_base(instance);
      uintptr_t guard = (uintptr_t)instance->stack_map, stack = (uintptr_t)instance->stack_low;
      if (fault - memory < AOTC_MEMORY_RESERVATION) {
        *trap = AOTC_TRAP_OUT_OF_BOUNDS_MEMORY;
        *address = fault - memory;
        return true;
      }
      *trap = AOTC_TRAP_STACK_OVERFLOW;
      return fault >= guard && fault < stack;
    }
    case SIGFPE:
      *trap = AOTC_TRAP_INTEGER_DIVIDE_BY_ZERO;
      return in_text;
    default: {
      uintptr_t available = in_text ? artifact->text_size - text_at : helper_size - helper_at;
      int code = signal == aotc_machine_trap_signal() ? aotc_machine_trap_code(pc, available) : -1;
      *trap = (enum aotc_trap)code;
      return code >= 0;
    }
  }
}

static void pass_on(int signal, siginfo_t* info, void* context) {
  int i = 0;
  while (kSignals[i] != signal) ++i;
  const struct sigaction* previous = &g_previous[i];
  if (previous->sa_flags & SA_SIGINFO) {
    previous->sa_sigaction(signal, info, context);
  } else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
    previous->sa_handler(signal);
  } else {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    bool sent = info->si_code <= 0 || signal == SIGTRAP;
    /* A fault happens again on return; what does not is sent again. Where handlers cannot be changed any more (a tenant
     * of aotc-node), a fault whose signal is blocked ends the process, too. */
    if (sigaction(signal, &standard, NULL) != 0) {
      if (sent) _exit(128 + signal);
      sigaddset(&((ucontext_t*)context)->uc_sigmask, signal);
    } else if (sent) {
      raise(signal);
    }
  }
}

static void on_fault(int signal, siginfo_t* info, void* context) {
  int saved_errno = errno;
  struct aotc_instance* instance = aotc_this_thread.current;
  struct aotc_cursor cursor = aotc_machine_cursor(context);
  enum aotc_trap trap;
  uint64_t address = 0;
  if (instance != NULL && instance->guard != NULL && signal == SIGSEGV)
    aotc_guard_asks(instance->guard, (uintptr_t)info->si_addr - (uintptr_t)aotc_base(instance), 1);
  if (instance != NULL && classify(instance, signal, info, cursor.pc, &trap, &address)) {
    aotc_record_trap(instance, trap, address, cursor);
    aotc_machine_leave(context, aotc_base(instance), AOTC_TRAPPED);
  } else {
    pass_on(signal, info, context);
  }
  errno = saved_errno;
}

enum aotc_status aotc_signals_install(struct aotc_error* error) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, aotc_deadline_signal());
  for (int i = 0; i < kSignalCount; ++i)
    if (sigaction(kSignals[i], &action, &g_previous[i]) != 0)
      return aotc_fail(error, AOTC_ERROR_IO, "cannot install a handler for signal %d: %s", kSignals[i],
                       strerror(errno));
  return AOTC_OK;
}

/* From aotc_raise, on the host's stack. Returns the status for aotc_leave. */
int aotc_record_raised(uint8_t* base, uint32_t trap, const void* frame) {
  aotc_record_trap(aotc_instance_of(base), (enum aotc_trap)trap, 0, aotc_cursor_above(frame));
  return AOTC_TRAPPED;
}
