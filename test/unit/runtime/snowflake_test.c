/* snowflake_test.c - generators of snowflake, of which two instances of one artifact count together: identifiers are
 * distinct and grow, also when a millisecond's steps are used up and when the clock is set back; what is no generator,
 * or does not ask for the time to make an identifier, is left alone.
 */
#define _GNU_SOURCE
#include <string.h>

#include "aotc/snapshot.h"
#include "check.h"
#include "core/state.h"
#include "guest_instance.h"

enum { kAddress = 0x30000, kOther = 0x31000, kNodeBits = 10, kStepBits = 12, kPerTurn = 10000 };
static const int64_t kEpoch = 1288834974657; /* milliseconds since 1970 */
static const int64_t kUnixOfYear1 = -62135596800, kUnixOf1885 = -2682288000;
static const uint64_t kMonotonic = 1ull << 63, kNow = 1750000000123456789;

/* As the library has it in memory. */
struct generator {
  uint32_t locked, waiters;
  uint64_t wall;
  int64_t ext;
  uint64_t location;
  int64_t time, number, step, number_max, number_mask, step_mask;
  uint8_t time_shift, number_shift;
};
static const struct generator kGenerator = {.wall = kEpoch % 1000 * 1000000,
                                            .ext = kEpoch / 1000 - kUnixOfYear1,
                                            .number = 7,
                                            .number_max = (1 << kNodeBits) - 1,
                                            .number_mask = ((1 << kNodeBits) - 1) << kStepBits,
                                            .step_mask = (1 << kStepBits) - 1,
                                            .time_shift = kNodeBits + kStepBits,
                                            .number_shift = kStepBits};

static struct aotc_artifact* g_artifact;

static struct generator* generator_of(struct aotc_instance* instance, uint32_t address) {
  return (struct generator*)(void*)(aotc_instance_memory(instance) + address);
}

static struct aotc_instance* create(const struct generator* generator) {
  struct aotc_instance* instance = create_guest(g_artifact, NULL);
  *generator_of(instance, kAddress) = *generator;
  return instance;
}

static bool share(const struct generator* generator, struct aotc_snapshot_sequence* sequence) {
  struct aotc_instance* instance = create(generator);
  bool shared = aotc_go_snowflake_share(instance, kAddress, sequence);
  aotc_instance_destroy(instance);
  return shared;
}

static void test_share(void) {
  struct aotc_snapshot_sequence sequence;
  CHECK(share(&kGenerator, &sequence));
  CHECK(sequence.address == kAddress && sequence.step_bits == kStepBits && sequence.epoch == kEpoch);

  struct generator few = kGenerator;
  few.number_shift = 9, few.time_shift = 9 + kNodeBits, few.step_mask = (1 << 9) - 1;
  few.number_mask = few.number_max << 9;
  CHECK(!share(&few, &sequence));
  struct generator locked = kGenerator;
  locked.locked = 1;
  CHECK(!share(&locked, &sequence));
  struct generator step = kGenerator;
  step.step = step.step_mask + 1;
  CHECK(!share(&step, &sequence));

  /* An epoch with a monotonic reading loses it. */
  struct generator monotonic = kGenerator;
  monotonic.wall |= kMonotonic | (uint64_t)(kEpoch / 1000 - kUnixOf1885) << 30;
  monotonic.ext = -12345;
  struct aotc_instance* instance = create(&monotonic);
  CHECK(aotc_go_snowflake_share(instance, kAddress, &sequence) && sequence.epoch == kEpoch);
  CHECK(memcmp(generator_of(instance, kAddress), &kGenerator, sizeof(kGenerator)) == 0);
  CHECK(!aotc_go_snowflake_share(instance, UINT32_MAX - 8, &sequence));
  aotc_instance_destroy(instance);
}

static void test_find(void) {
  uint32_t found = 0, known = kAddress;
  struct aotc_instance* instance = create(&kGenerator);
  CHECK(aotc_go_snowflake_find(instance, kNow, NULL, 0, &found) && found == kAddress);
  CHECK(!aotc_go_snowflake_find(instance, kNow, &known, 1, &found));
  *generator_of(instance, kOther) = kGenerator; /* which of them was just made? */
  CHECK(!aotc_go_snowflake_find(instance, kNow, NULL, 0, &found));
  CHECK(aotc_go_snowflake_find(instance, kNow, &known, 1, &found) && found == kOther);
  aotc_instance_destroy(instance);
}

static int64_t milliseconds(struct aotc_instance* instance, uint64_t now) {
  return (int64_t)(aotc_instance_told_time(instance, now) / 1000000) - kEpoch;
}

/* What the library does with the time that it is told, `now` being what the machine's clock shows. */
static int64_t generate(struct aotc_instance* instance, uint64_t now) {
  struct generator* g = generator_of(instance, kAddress);
  g->locked = 1;
  int64_t time = milliseconds(instance, now);
  if (time == g->time) {
    g->step = (g->step + 1) & g->step_mask;
    if (g->step == 0)
      for (int turns = 0; time <= g->time && turns < 10; ++turns) time = milliseconds(instance, now);
  } else {
    g->step = 0;
  }
  g->time = time;
  g->locked = 0;
  return time << g->time_shift | g->number << g->number_shift | g->step;
}

static void test_count(struct aotc_instance* const instances[2]) {
  int64_t last = 0;
  uint64_t clocks[] = {kNow, kNow - 3600000000000, kNow + 1000000000, kNow + 1000000000};
  for (int turn = 0; turn < 4; ++turn) {
    int wrong = 0;
    for (int i = 0; i < kPerTurn; ++i) {
      int64_t next = generate(instances[i * 7 / 3 % 2], clocks[turn]);
      wrong += next <= last;
      last = next;
    }
    CHECK(wrong == 0);
    /* The clock stands still: what is more than its steps are told the following milliseconds, and no more than needed.
     */
    int64_t ahead = (last >> kGenerator.time_shift) + kEpoch - (int64_t)(kNow / 1000000);
    static const int64_t kAhead[] = {kPerTurn >> kStepBits, 2 * kPerTurn >> kStepBits, 1000 + (kPerTurn >> kStepBits),
                                     1000 + (2 * kPerTurn >> kStepBits)};
    CHECK(ahead == kAhead[turn]);
    CHECK((last >> kStepBits & kGenerator.number_max) == kGenerator.number);
  }
}

static void test_left_alone(struct aotc_instance* instance) {
  struct generator* g = generator_of(instance, kAddress);
  *g = kGenerator;
  CHECK(aotc_instance_told_time(instance, kNow) == kNow); /* it does not hold the lock */
  CHECK(memcmp(g, &kGenerator, sizeof(*g)) == 0);
  g->locked = 1;
  uint64_t before_epoch = (uint64_t)(kEpoch - 1) * 1000000;
  CHECK(aotc_instance_told_time(instance, before_epoch) == before_epoch);
  g->number = g->number_max + 1; /* its memory has another use now */
  struct generator other = *g;
  CHECK(aotc_instance_told_time(instance, kNow) == kNow && memcmp(g, &other, sizeof(*g)) == 0);
  *g = kGenerator;
  g->locked = 1;
  instance->thaw = false;
  CHECK(aotc_instance_told_time(instance, kNow) == kNow && g->time == 0);
}

int main(void) {
  g_artifact = load_guest();
  test_share();
  test_find();
  struct {
    struct aotc_snapshot head;
    struct aotc_snapshot_sequence sequence;
  } snapshot = {.head.sequences = {.offset = sizeof(struct aotc_snapshot), .count = 1},
                .sequence = {.address = kAddress, .step_bits = kStepBits, .epoch = kEpoch}};
  struct aotc_instance* instances[] = {create(&kGenerator), create(&kGenerator)};
  g_artifact->snapshot = &snapshot.head;
  instances[0]->thaw = instances[1]->thaw = true;
  test_count(instances);
  test_left_alone(instances[0]);
  g_artifact->snapshot = NULL;
  for (int i = 0; i < 2; ++i) aotc_instance_destroy(instances[i]);
  aotc_unload(g_artifact);
  return g_failures != 0;
}
