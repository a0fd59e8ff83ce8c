/* secrets.c - variables whose values a program gets at the thaw only.
 *
 * Go copies the whole environment when it starts, long before the freeze. So a secret is there from the beginning, by
 * its name and with its length, but its value is not, and looking at a byte of the value ends the freeze:
 *
 *   1. environ_get hands out random letters in place of the value, "NAME=" at the end of a page and the letters on
 *      pages of their own: environ_sizes_get has asked for the room. Go copies the string, unread.
 *   2. Before the program's own code runs every string of Go's is made to lie where environ_get put it, and the copies
 *      and the letters are wiped. Go asks for the time twice until then: the first time it is still about to look for a
 *      variable of its own, which compares one byte of each that is longer.
 *   3. The pages of values are inaccessible from then on: a fault there is the end, as the program has read the secret.
 *      A host function that is to read there ends it, too.
 *   4. The thaw writes the value where the strings point.
 *
 * So os.Getenv may be called and its result passed around before the freeze, and its length is known and the same;
 * nothing that is derived from a value can be in the snapshot. Go keeps the strings for as long as it runs, and with
 * them the memory. A program that calls runtime.GOROOT has read the secrets with names of less than six letters.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "core/state.h"
#include "wasi_state.h"

enum {
  kPage = 4096,
  kNear = 64,       /* bytes that a helper reads at most beyond what it wants */
  kClocks = 2,      /* see above */
  kPlaceholder = 8, /* letters at least, so that no two strings are alike */
};

static uint32_t whole_pages(uint32_t size) { return (size + kPage - 1) & ~(kPage - 1u); }

bool aotc_secret_placeholder(char* value, size_t size) {
  if (size < kPlaceholder || getrandom(value, size, 0) != (ssize_t)size) return false;
  for (size_t i = 0; i < size; ++i) value[i] = (char)('a' + (value[i] & 15));
  return true;
}

uint64_t aotc_secrets_room(const struct aotc_wasi* wasi) {
  uint64_t room = 0;
  for (uint32_t i = 0; i < wasi->secret_count; ++i)
    room += wasi->secrets[i].name_size + wasi->secrets[i].value_size + kNear + 2 * kPage;
  return room;
}

bool aotc_secrets_place(struct aotc_instance* instance, struct aotc_wasi* wasi, uint32_t pointers, uint32_t text) {
  uint64_t room = aotc_secrets_room(wasi);
  if (room == 0) return true;
  if (aotc_instance_memory_at(instance, text, wasi->environ.bytes + room) == NULL) return false;
  /* Not for a program that asks again: it has its letters then, and is not frozen. */
  wasi->freeze->secrets_wait = wasi->freeze->guard == NULL ? kClocks : UINT32_MAX;
  if (wasi->freeze->guard != NULL) return true;
  uint8_t* memory = aotc_base(instance);
  uint8_t* pointer = memory + pointers + 4ull * (wasi->environ.count - wasi->secret_count);
  uint32_t at = text + wasi->environ.bytes;
  for (uint32_t i = 0; i < wasi->secret_count; ++i, pointer += 4) {
    struct aotc_wasi_secret* secret = &wasi->secrets[i];
    secret->address = whole_pages(at + kNear + secret->name_size);
    aotc_wasi_store32(pointer, secret->address - secret->name_size);
    memcpy(memory + secret->address - secret->name_size, wasi->environ.text + secret->environ,
           secret->name_size + secret->value_size + 1);
    at = secret->address + whole_pages(secret->value_size + 1);
  }
  return true;
}

/* Makes string headers {address, size} in linear memory point to `to` instead of `from`; returns how many there were.
 */
static unsigned redirect(struct aotc_instance* instance, uint64_t from, uint64_t size, uint64_t to) {
  uint8_t* memory = aotc_base(instance);
  uint64_t header[2] = {from, size}, end = aotc_tail(instance)->memory_size;
  unsigned count = 0;
  for (uint8_t* at = memory; (at = memmem(at, (size_t)(memory + end - at), header, sizeof(header))) != NULL; at += 8) {
    if ((uintptr_t)at % 8 != 0) continue;
    memcpy(at, &to, sizeof(to));
    ++count;
  }
  return count;
}

/* False when no string is there. */
static bool move(struct aotc_instance* instance, const struct aotc_wasi* wasi, const struct aotc_wasi_secret* secret) {
  uint8_t* memory = aotc_base(instance);
  uint64_t end = aotc_tail(instance)->memory_size;
  const char* text = wasi->environ.text + secret->environ;
  uint32_t size = secret->name_size + secret->value_size;
  unsigned headers = 0;
  memset(memory + secret->address, 0, secret->value_size);
  for (uint8_t* at = memory; (at = memmem(at, (size_t)(memory + end - at), text, size)) != NULL; at += size) {
    headers += redirect(instance, (uint64_t)(at - memory), size, secret->address - secret->name_size);
    memset(at, 0, size);
  }
  return headers != 0;
}

static void hide(struct aotc_instance* instance, struct aotc_wasi* wasi) {
  struct aotc_wasi_freeze* freeze = wasi->freeze;
  uint32_t count = wasi->secret_count;
  freeze->secrets_fault = "its environment is not where Go keeps it";
  for (uint32_t i = 0; i < count; ++i)
    if (!move(instance, wasi, &wasi->secrets[i])) return;
  freeze->secrets_fault = "out of memory";
  struct aotc_memory_guard* guard = calloc(1, sizeof(*guard) + count * sizeof(guard->secret[0]));
  if (guard == NULL) return;
  freeze->guard = guard;
  guard->count = count;
  guard->start = wasi->secrets[0].address - wasi->secrets[0].name_size - kNear;
  freeze->secrets_fault = "cannot make memory inaccessible";
  for (uint32_t i = 0; i < count; ++i) {
    const struct aotc_guarded* secret = &guard->secret[i];
    guard->secret[i] = (struct aotc_guarded){wasi->secrets[i].address, wasi->secrets[i].value_size};
    guard->end = secret->address + whole_pages(secret->size + 1);
    if (mprotect(aotc_base(instance) + secret->address, guard->end - secret->address, PROT_NONE) != 0) return;
  }
  instance->guard = guard;
  aotc_helpers_guard(instance);
  freeze->secrets_fault = NULL;
}

void aotc_secrets_on_clock(struct aotc_instance* instance, struct aotc_wasi* wasi) {
  struct aotc_wasi_freeze* freeze = wasi->freeze;
  if (freeze->secrets_wait != 0 && --freeze->secrets_wait == 0) hide(instance, wasi);
}

const char* aotc_secrets_show(struct aotc_instance* instance, struct aotc_wasi* wasi) {
  const struct aotc_wasi_freeze* freeze = wasi->freeze;
  const struct aotc_memory_guard* guard = freeze->guard;
  if (freeze->secrets_fault != NULL || wasi->secret_count == 0) return freeze->secrets_fault;
  if (guard == NULL || freeze->secrets_wait != 0)
    return "it did not start as Go programs do, so its secrets could not be hidden";
  for (uint32_t i = 0; i < guard->count; ++i)
    if (mprotect(aotc_base(instance) + guard->secret[i].address, whole_pages(guard->secret[i].size + 1),
                 PROT_READ | PROT_WRITE) != 0)
      return "cannot make memory accessible";
  instance->guard = NULL;
  return NULL;
}

const char* aotc_wasi_secret_read(const struct aotc_wasi* wasi) {
  const struct aotc_memory_guard* guard = wasi->freeze == NULL ? NULL : wasi->freeze->guard;
  if (guard == NULL || guard->read == NULL) return NULL;
  return wasi->environ.text + wasi->secrets[guard->read - guard->secret].environ;
}

enum aotc_status aotc_secrets_fill(struct aotc_instance* instance, const struct aotc_wasi* wasi,
                                   const struct aotc_wasi_saved* saved, struct aotc_error* error) {
  const struct aotc_saved_secret* secrets = aotc_saved_data(saved, &saved->secrets);
  for (uint32_t i = 0; i < saved->secrets.count; ++i) {
    void* to = aotc_instance_memory_at(instance, secrets[i].address, secrets[i].size);
    if (to == NULL || secrets[i].environ > wasi->environ.bytes ||
        secrets[i].size > wasi->environ.bytes - secrets[i].environ)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "corrupted: snapshot: a secret lies outside memory");
    memcpy(to, wasi->environ.text + secrets[i].environ, secrets[i].size);
  }
  return AOTC_OK;
}
