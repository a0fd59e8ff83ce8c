/* snowflake.c - generators of github.com/bwmarrin/snowflake, which number by the time.
 *
 *   node = sync.Mutex mu, time.Time epoch, i64 time, i64 node, i64 step, i64 nodeMax, i64 nodeMask, i64 stepMask,
 *          u8 timeShift, u8 nodeShift
 *
 * An identifier is {milliseconds since epoch, node, step}: the node is the number that the program's author has given
 * it, and distinct are those of one process, which counts steps within a millisecond. To the author a node of aotc is
 * one process; so all instances of an artifact in a process of the host's count together. Random steps would not do:
 * of 12 bits, two of fifteen in a millisecond are equal in every fortieth.
 *
 * At the freeze the generator is found (its fields depend on each other, and the epoch on the moment when it was made),
 * and its epoch loses its monotonic reading: clocks of instances may stand still, each at another time. When an
 * instance holds the lock and asks for the time, it is about to make an identifier: `time` and `step` become those of
 * the last one of any instance, and the library goes on from there. If the milliseconds' steps are used up, or the wall
 * clock was set back, the instance sees the next millisecond. Source: snowflake.go of 0.2.0 and 0.3.0, time/time.go and
 * sync/mutex.go of Go 1.21 to 1.27.
 */
#define _GNU_SOURCE
#include <string.h>

#include "core/state.h"

enum {
  kFewestStepBits = 10, /* nobody makes a million a second; with less, identifiers could run ahead of the time */
  kMostBits = 22,
  kLocked = 1,
  kMillisecond = 1000000
};
static const uint64_t kMonotonic = 1ull << 63;
static const int64_t kUnixOf1885 = -2682288000, kUnixOfYear1 = -62135596800;
static const int64_t kMostUptime = 86400ll * 1000000000; /* of a program that is to be frozen */

struct node {
  uint32_t locked, waiters;
  uint64_t wall;
  int64_t ext;
  uint64_t location;
  int64_t time, number, step, node_max, node_mask, step_mask;
  uint8_t time_shift, node_shift;
};

static void* node_at(const struct aotc_instance* instance, uint64_t address) {
  return address > UINT32_MAX ? NULL : aotc_instance_memory_at(instance, (uint32_t)address, sizeof(struct node));
}

static bool is_node(const struct node* n) {
  int64_t most = n->node_max;
  return most > 0 && most < 1ll << kMostBits && (most & (most + 1)) == 0 && n->node_shift >= kFewestStepBits &&
         n->node_shift < n->time_shift && n->time_shift <= kMostBits && n->node_mask == most << n->node_shift &&
         n->step_mask == (1ll << n->node_shift) - 1 && most == (1ll << (n->time_shift - n->node_shift)) - 1 &&
         n->number >= 0 && n->number <= most && n->time >= 0 && n->step >= 0 && n->step <= n->step_mask;
}

/* Milliseconds since 1970. */
static bool epoch_of(const struct node* n, int64_t* epoch) {
  uint64_t nanoseconds = n->wall & ((1u << 30) - 1);
  int64_t seconds = (int64_t)(n->wall << 1 >> 31) + kUnixOf1885;
  if (!(n->wall & kMonotonic) && __builtin_add_overflow(n->ext, kUnixOfYear1, &seconds)) return false;
  if (nanoseconds >= 1000000000 || nanoseconds % kMillisecond != 0 || seconds < kUnixOfYear1 || seconds > UINT32_MAX)
    return false;
  *epoch = seconds * 1000 + (int64_t)(nanoseconds / kMillisecond);
  return true;
}

/* Whether its epoch was reckoned from the time `now`: their distance is the same on both clocks, of which the
 * monotonic one began with the program. */
static bool is_made_at(const struct node* n, int64_t epoch, uint64_t now) {
  if (!(n->wall & kMonotonic)) return true;
  int64_t uptime;
  return !__builtin_sub_overflow((int64_t)now, epoch * kMillisecond, &uptime) &&
         !__builtin_add_overflow(uptime, n->ext, &uptime) && uptime > 0 && uptime <= kMostUptime;
}

bool aotc_go_snowflake_find(const struct aotc_instance* instance, uint64_t made, const uint32_t* others,
                            uint32_t other_count, uint32_t* address) {
  uint64_t size = aotc_tail(instance)->memory_size;
  uint32_t found = 0;
  for (uint64_t at = 0; at + sizeof(struct node) <= size; at += 8) {
    struct node n;
    int64_t epoch, most;
    memcpy(&most, aotc_base(instance) + at + offsetof(struct node, node_max), sizeof(most));
    if (most <= 0 || most >= 1 << kMostBits) continue;
    memcpy(&n, aotc_base(instance) + at, sizeof(n));
    if (!is_node(&n) || !epoch_of(&n, &epoch) || !is_made_at(&n, epoch, made)) continue;
    uint32_t i = 0;
    while (i < other_count && others[i] != at) ++i;
    if (i != other_count) continue;
    *address = (uint32_t)at;
    ++found;
  }
  return found == 1;
}

bool aotc_go_snowflake_share(struct aotc_instance* instance, uint32_t address,
                             struct aotc_snapshot_sequence* sequence) {
  void* at = node_at(instance, address);
  struct node n;
  int64_t epoch;
  if (at == NULL) return false;
  memcpy(&n, at, sizeof(n));
  if (!is_node(&n) || !epoch_of(&n, &epoch) || n.locked & kLocked) return false;
  if (n.wall & kMonotonic) {
    n.ext = (int64_t)(n.wall << 1 >> 31) + kUnixOf1885 - kUnixOfYear1;
    n.wall &= (1u << 30) - 1;
    memcpy(at, &n, sizeof(n));
  }
  *sequence = (struct aotc_snapshot_sequence){.address = address, .step_bits = n.node_shift, .epoch = epoch};
  return true;
}

/* The number after `*last`, or the first of this millisecond. */
static uint64_t take(uint64_t* last, uint64_t first) {
  uint64_t before = __atomic_load_n(last, __ATOMIC_RELAXED), next;
  do next = before < first ? first : before + 1;
  while (!__atomic_compare_exchange_n(last, &before, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return next;
}

static uint64_t count(struct aotc_instance* instance, const struct aotc_snapshot_sequence* s, uint64_t* last,
                      uint64_t now) {
  void* at = node_at(instance, s->address);
  struct node n;
  int64_t passed;
  if (at == NULL) return now;
  memcpy(&n, at, sizeof(n));
  if (!(n.locked & kLocked) || !is_node(&n) || n.node_shift != s->step_bits ||
      __builtin_sub_overflow((int64_t)(now / kMillisecond), s->epoch, &passed) || passed < 0 || passed >= 1ll << 41)
    return now;
  uint64_t number = take(last, (uint64_t)passed << s->step_bits), time = number >> s->step_bits;
  n.step = (int64_t)(number & (uint64_t)n.step_mask);
  n.time = n.step == 0 ? -1 : (int64_t)time; /* it counts on only within the same millisecond */
  if (n.step != 0) --n.step;
  memcpy(at, &n, sizeof(n));
  return time == (uint64_t)passed ? now : (uint64_t)(s->epoch + (int64_t)time) * kMillisecond;
}

uint64_t aotc_instance_told_time(struct aotc_instance* instance, uint64_t now) {
  const struct aotc_snapshot* s = instance->artifact->snapshot;
  if (!instance->thaw || s == NULL) return now;
  const struct aotc_snapshot_sequence* sequences = aotc_snapshot_data(s, &s->sequences);
  for (uint32_t i = 0; i < s->sequences.count; ++i)
    now = count(instance, &sequences[i], &instance->artifact->sequence_last[i], now);
  return now;
}
