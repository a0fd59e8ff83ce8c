/* wasi_process.c - what a program asks of its surroundings: arguments, environment, time, random bytes, its own end.
 *
 * clock_time_get is the hot one: Go reads a clock at every scheduling decision. It goes through libc to the vDSO,
 * without a system call. Random bytes come from the kernel each time; a user-space generator would be faster and would
 * repeat in every clone of a snapshot.
 */
#define _GNU_SOURCE
#include "wasi_state.h"

#include <errno.h>
#include <sched.h>
#include <sys/random.h>

static int sizes(struct aotc_instance* instance, const struct aotc_wasi_strings* strings, uint64_t more,
                 const uint64_t* slots) {
  uint8_t* count = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 0), 4);
  uint8_t* bytes = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), 4);
  if (!count || !bytes) return WASI_EFAULT;
  aotc_wasi_store32(count, strings->count);
  aotc_wasi_store32(bytes, (uint32_t)(strings->bytes + more));
  return 0;
}

static int strings_get(struct aotc_instance* instance, const struct aotc_wasi_strings* strings, const uint64_t* slots) {
  uint32_t text_address = aotc_wasi_arg32(slots, 1);
  uint8_t* pointers = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 0), 4ull * strings->count);
  uint8_t* text = aotc_instance_memory_at(instance, text_address, strings->bytes);
  if (!pointers || !text) return WASI_EFAULT;
  const char* from = strings->text;
  for (uint32_t i = 0; i < strings->count; i++) {
    aotc_wasi_store32(pointers + 4ull * i, text_address + (uint32_t)(from - strings->text));
    from += strlen(from) + 1;
  }
  memcpy(text, strings->text, strings->bytes);
  return 0;
}

enum aotc_status aotc_wasi_args_sizes_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  return aotc_wasi_finish(slots, sizes(instance, &((struct aotc_wasi*)data)->args, 0, slots));
}

enum aotc_status aotc_wasi_args_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi* wasi = data;
  if (wasi->freeze != NULL) wasi->freeze->read_args = true;
  return aotc_wasi_finish(slots, strings_get(instance, &((struct aotc_wasi*)data)->args, slots));
}

enum aotc_status aotc_wasi_environ_sizes_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi* wasi = data;
  uint64_t room = wasi->freeze == NULL ? 0 : aotc_secrets_room(wasi);
  return aotc_wasi_finish(slots, sizes(instance, &wasi->environ, room, slots));
}

enum aotc_status aotc_wasi_environ_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi* wasi = data;
  if (wasi->freeze != NULL) wasi->freeze->read_environ = true;
  int error = strings_get(instance, &wasi->environ, slots);
  if (error == 0 && wasi->freeze != NULL &&
      !aotc_secrets_place(instance, wasi, aotc_wasi_arg32(slots, 0), aotc_wasi_arg32(slots, 1)))
    error = WASI_EFAULT;
  return aotc_wasi_finish(slots, error);
}

static int host_clock(uint32_t id, clockid_t* clock) {
  switch (id) {
    case WASI_CLOCK_REALTIME:
      *clock = CLOCK_REALTIME;
      return 0;
    case WASI_CLOCK_MONOTONIC:
      *clock = CLOCK_MONOTONIC;
      return 0;
    case WASI_CLOCK_PROCESS_CPUTIME:
      *clock = CLOCK_PROCESS_CPUTIME_ID;
      return 0;
    case WASI_CLOCK_THREAD_CPUTIME:
      *clock = CLOCK_THREAD_CPUTIME_ID;
      return 0;
    default:
      return WASI_EINVAL;
  }
}

enum aotc_status aotc_wasi_clock_res_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)data;
  clockid_t clock;
  struct timespec t;
  int error = host_clock(aotc_wasi_arg32(slots, 0), &clock);
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 1), 8);
  if (error == 0 && !out) error = WASI_EFAULT;
  if (error == 0 && clock_getres(clock, &t) != 0) error = aotc_wasi_errno(errno);
  if (error == 0) aotc_wasi_store64(out, aotc_wasi_nanoseconds(t));
  return aotc_wasi_finish(slots, error);
}

static void note_time(struct aotc_instance* instance, struct aotc_wasi_freeze* freeze, uint64_t time) {
  ++freeze->realtime_reads;
  if (freeze->told_time != NULL) freeze->told_time(freeze->drawn_data, instance, time);
}

enum aotc_status aotc_wasi_clock_time_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi* wasi = data;
  clockid_t clock;
  struct timespec t;
  if (wasi->freeze != NULL) aotc_secrets_on_clock(instance, wasi);
  int error = host_clock(aotc_wasi_arg32(slots, 0), &clock);
  uint8_t* out = aotc_instance_memory_at(instance, aotc_wasi_arg32(slots, 2), 8);
  if (error == 0 && !out) error = WASI_EFAULT;
  if (error == 0 && clock_gettime(clock, &t) != 0) error = aotc_wasi_errno(errno);
  if (error == 0) {
    uint64_t offset = clock == CLOCK_MONOTONIC ? wasi->monotonic_offset : 0;
    uint64_t time = aotc_wasi_nanoseconds(t) + offset;
    if (clock == CLOCK_REALTIME) time = aotc_instance_told_time(instance, time);
    aotc_wasi_store64(out, time);
    if (wasi->freeze != NULL && clock == CLOCK_REALTIME) note_time(instance, wasi->freeze, time);
  }
  return aotc_wasi_finish(slots, error);
}

static int fill_random(struct aotc_instance* instance, uint32_t address, uint32_t length) {
  uint8_t* out = aotc_instance_memory_at(instance, address, length);
  if (!out) return WASI_EFAULT;
  while (length > 0) {
    ssize_t n = getrandom(out, length < AOTC_WASI_PIECE ? length : AOTC_WASI_PIECE, 0);
    if (n < 0 && errno != EINTR) return aotc_wasi_errno(errno);
    if (n > 0) {
      out += n;
      length -= (uint32_t)n;
    }
    if (length > 0 && aotc_wasi_check_deadline(instance) != 0) return WASI_TRAPPED;
  }
  return 0;
}

enum aotc_status aotc_wasi_random_get(struct aotc_instance* instance, void* data, uint64_t* slots) {
  struct aotc_wasi* wasi = data;
  struct aotc_wasi_freeze* freeze = wasi->freeze;
  uint32_t address = aotc_wasi_arg32(slots, 0), size = aotc_wasi_arg32(slots, 1);
  int error = fill_random(instance, address, size);
  wasi->drew = true;
  if (freeze != NULL) freeze->random_bytes += size;
  if (freeze != NULL && freeze->drawn != NULL && error == 0) freeze->drawn(freeze->drawn_data, instance, address, size);
  return aotc_wasi_finish(slots, error);
}

enum aotc_status aotc_wasi_sched_yield(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance;
  (void)data;
  sched_yield();
  return aotc_wasi_finish(slots, 0);
}

enum aotc_status aotc_wasi_proc_exit(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)data;
  aotc_instance_set_exit_code(instance, (int)aotc_wasi_arg32(slots, 0));
  return AOTC_EXITED;
}

/* The guest has no handlers, so a signal has its default action: most end the program, with the shell's exit code. */
enum aotc_status aotc_wasi_proc_raise(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)data;
  enum { kNone = 0, kChld = 16, kCont = 17, kStop = 18, kTtou = 21, kUrg = 22, kWinch = 27, kLast = 30 };
  uint32_t signal_number = aotc_wasi_arg32(slots, 0);
  if (signal_number > kLast) return aotc_wasi_finish(slots, WASI_EINVAL);
  if (signal_number == kNone || signal_number == kChld || signal_number == kCont || signal_number == kUrg ||
      signal_number == kWinch)
    return aotc_wasi_finish(slots, 0);
  if (signal_number >= kStop && signal_number <= kTtou) return aotc_wasi_finish(slots, WASI_ENOTSUP);
  aotc_instance_set_exit_code(instance, 128 + (int)signal_number);
  return AOTC_EXITED;
}
