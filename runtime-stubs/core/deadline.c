/* deadline.c - stops a guest that runs too long, at no cost to one that does not.
 *
 * A timer of the thread sends it a real-time signal at the deadline. If the pc is in compiled code, the guest is sent
 * to aotc_leave on the spot: compiled code holds nothing that needs releasing. If it is in a helper or a host function,
 * only a flag is set; helpers look at it between pieces of work, host calls on their way back. The timer goes on firing
 * every millisecond until somebody has noticed, so a guest that is only passing through a helper is caught soon after,
 * and a system call that waits returns EINTR. What is to be done meanwhile (struct aotc_meanwhile) is done by the same
 * signal, and only where it interrupts compiled code.
 *
 * One timer per thread, not per instance: kernel timers are a limited resource, and thousands of instances share a
 * thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "state.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static const uint64_t kSecond = 1000000000ull;
static const long kAgain = 1000000;

int aotc_deadline_signal(void) { return SIGRTMIN + 7; }

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * kSecond + (uint64_t)t.tv_nsec;
}

/* Sets the thread's timer; 0 stops it. Async-signal-safe. */
static int set_timer(struct aotc_thread* thread, uint64_t deadline) {
  if (!thread->has_timer) return 0;
  struct itimerspec when = {.it_value = {.tv_sec = (time_t)(deadline / kSecond), .tv_nsec = (long)(deadline % kSecond)},
                            .it_interval = {.tv_nsec = deadline == 0 ? 0 : kAgain}};
  thread->armed = deadline;
  return (int)syscall(SYS_timer_settime, thread->timer, TIMER_ABSTIME, &when, NULL);
}

/* When something is to be done about the instance. */
static uint64_t next(const struct aotc_instance* instance) {
  uint64_t meanwhile = instance->meanwhile_at, deadline = instance->deadline;
  return meanwhile != 0 && meanwhile < deadline ? meanwhile : deadline;
}

static void on_deadline(int signal, siginfo_t* info, void* context) {
  (void)signal;
  if (info->si_code != SI_TIMER) return;
  int saved_errno = errno;
  struct aotc_thread* thread = &aotc_this_thread;
  struct aotc_instance* instance = thread->current;
  struct aotc_cursor cursor = aotc_machine_cursor(context);
  bool in_code = instance != NULL && cursor.pc - (uintptr_t)instance->artifact->text < instance->artifact->text_size;
  uint64_t time = now();
  if (instance == NULL || instance->deadline == 0) {
    set_timer(thread, 0);
  } else if (time < instance->deadline) {
    if (in_code && instance->meanwhile_at != 0 && time >= instance->meanwhile_at) {
      instance->meanwhile.call(instance->meanwhile.data);
      instance->meanwhile_at = (time = now()) + instance->meanwhile.every;
    }
    uint64_t due = next(instance);
    if (thread->armed != due && due > time) set_timer(thread, due);
  } else {
    instance->deadline_hit = 1;
    if (in_code) {
      set_timer(thread, 0);
      aotc_record_trap(instance, AOTC_TRAP_DEADLINE, 0, cursor);
      aotc_machine_leave(context, aotc_base(instance), AOTC_TRAPPED);
    }
  }
  errno = saved_errno;
}

enum aotc_status aotc_deadline_install(struct aotc_error* error) {
  /* No SA_RESTART: a host function that waits has to look at the deadline. */
  struct sigaction action = {.sa_sigaction = on_deadline, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  sigdelset(&action.sa_mask, SIGSEGV);
  sigdelset(&action.sa_mask, SIGBUS);
  if (sigaction(aotc_deadline_signal(), &action, NULL) != 0)
    return aotc_fail(error, AOTC_ERROR_IO, "cannot install the deadline signal: %s", strerror(errno));
  return AOTC_OK;
}

bool aotc_deadline_passed(struct aotc_instance* instance) {
  return instance->deadline != 0 && now() >= instance->deadline;
}

enum aotc_status aotc_deadline_arm(struct aotc_instance* instance, struct aotc_error* error) {
  struct aotc_thread* thread = &aotc_this_thread;
  if (instance->deadline == 0) return AOTC_OK;
  uint64_t due = next(instance);
  /* A timer that fires too early finds that out and is set again: cheaper than setting it for every call. */
  if (thread->armed != 0 && thread->armed <= due) return AOTC_OK;
  if (!thread->has_timer) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = aotc_deadline_signal()};
    event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &thread->timer) != 0)
      return aotc_fail(error, AOTC_ERROR_LIMIT, "cannot create a timer: %s", strerror(errno));
    thread->has_timer = true;
  }
  if (set_timer(thread, due) != 0) return aotc_fail(error, AOTC_ERROR_LIMIT, "cannot set a timer: %s", strerror(errno));
  return AOTC_OK;
}

enum aotc_status aotc_instance_set_deadline(struct aotc_instance* instance, uint64_t nanoseconds,
                                            struct aotc_error* error) {
  struct aotc_thread* thread = &aotc_this_thread;
  enum aotc_status status = aotc_thread_prepare(error);
  if (status != AOTC_OK) return status;
  uint64_t old = next(instance), start = now();
  instance->deadline_hit = 0;
  if (nanoseconds == 0) {
    instance->deadline = 0;
    if (old != 0 && thread->armed == old) set_timer(thread, 0);
    return AOTC_OK;
  }
  /* Far enough in the future not to overflow what the kernel computes with. */
  const uint64_t most = UINT64_MAX / 4;
  instance->deadline = nanoseconds > most - start ? most : start + nanoseconds;
  if (instance->meanwhile.call != NULL) instance->meanwhile_at = start + instance->meanwhile.every;
  return aotc_deadline_arm(instance, error);
}

uint64_t aotc_instance_deadline_left(const struct aotc_instance* instance) {
  uint64_t deadline = instance->deadline, t;
  if (deadline == 0) return UINT64_MAX;
  return (t = now()) >= deadline ? 0 : deadline - t;
}
