/* secrets.c - variables whose values a program gets at the thaw only.
 *
 * Go copies the whole environment when it starts, long before the freeze. So a secret is there from the beginning, by
 * its name and with its length, but its value is not, and looking at a byte of the value ends the freeze:
 *
 *   1. environ_get hands out random letters in place of the value. Go copies them, unread.
 *   2. Before the program's own code runs (Go asks for the time first), every string "NAME=letters" is made to lie at
 *      addresses 4096 to 12288, which the linker leaves free in every module for wasip1, and the copies are wiped.
 *   3. Those pages are inaccessible from then on. A fault at a byte of a name lets the one instruction pass, by the
 *      processor's single-step flag; a fault at a byte of a value is the end: the program has read the secret. A host
 *      function that is to read there ends it, too.
 *   4. The thaw writes the value where the strings point.
 *
 * So os.Getenv may be called and its result passed around before the freeze, and its length is known and the same;
 * nothing that is derived from a value can be in the snapshot. Needs the single-step flag, so x86-64. Only the first
 * thread of a process that freezes one program gets here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <ucontext.h>

#include "core/state.h"
#include "wasi_state.h"

/* The guard comes first, and its faults lead back to the rest. */
struct aotc_secrets_guard {
  struct aotc_memory_guard guard;
  volatile bool step;           /* one instruction may read names of secrets */
  struct aotc_guarded secret[]; /* as in struct aotc_wasi */
};

enum { kStart = 4096, kEnd = 12288, kPlaceholder = 8 /* letters at least, so that no two strings are alike */ };

static bool protect(struct aotc_instance* instance, int protection) {
  return mprotect(aotc_base(instance) + kStart, kEnd - kStart, protection) == 0;
}

#if defined(__x86_64__)
enum { kTrapFlag = 0x100, kVector = 32 /* bytes that an instruction reads at most */ };

/* How many bytes the instruction at `pc` reads, or more. */
static uint64_t width(const uint8_t* at) {
  bool word = false, wide = false;
  for (; *at == 0x65 || *at == 0x66 || *at == 0x67; ++at) word |= *at == 0x66; /* GS, operand and address size */
  if ((*at & 0xf0) == 0x40) wide = *at++ & 8;                                  /* REX */
  if (*at == 0x0f && (at[1] == 0xb6 || at[1] == 0xbe)) return 1;               /* movzx, movsx of a byte, */
  if (*at == 0x0f && (at[1] == 0xb7 || at[1] == 0xbf)) return 2;               /* of a word */
  bool arithmetic = *at < 0x40 && (*at & 7) < 4;
  if (arithmetic || (*at >= 0x80 && *at <= 0x8b) || *at == 0xf6 || *at == 0xf7)
    return (*at & 1) == 0 && *at != 0x82 ? 1 : wide ? 8 : word ? 2 : 4;
  return *at == 0x63 ? 4 /* movslq */ : kVector;
}

/* Looking for another variable, Go's runtime compares a byte at the place where that one's '=' would be. What it finds
 * does not depend on it, as the names before it differ. */
static bool looks_for_another(const struct aotc_artifact* artifact, uintptr_t pc) {
  uintptr_t code = pc - (uintptr_t)artifact->text;
  return code < artifact->text_size && strcmp(aotc_artifact_symbol(artifact, (uint32_t)code), "runtime.gogetenv") == 0;
}

/* The secret of which [address, address + size) has a byte of the value. */
static const struct aotc_guarded* find(const struct aotc_memory_guard* guard, uint64_t address, uint64_t size) {
  for (uint32_t i = 0; i < guard->count; ++i) {
    const struct aotc_guarded* secret = &guard->secret[i];
    if (address < secret->address + (uint64_t)secret->size && address + size > secret->address) return secret;
  }
  return NULL;
}

static bool on_fault(struct aotc_memory_guard* guard, struct aotc_instance* instance, int signal, const siginfo_t* info,
                     void* context) {
  struct aotc_secrets_guard* own = (struct aotc_secrets_guard*)guard;
  greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  if (signal == SIGTRAP && own->step) {
    own->step = false;
    registers[REG_EFL] &= ~(greg_t)kTrapFlag;
    return protect(instance, PROT_NONE);
  }
  uint64_t address = (uintptr_t)info->si_addr - (uintptr_t)aotc_base(instance);
  if (signal != SIGSEGV || own->step || address < kStart || address >= kEnd) return false;
  uintptr_t pc = (uintptr_t)registers[REG_RIP];
  if (!looks_for_another(instance->artifact, pc)) guard->read = find(guard, address, width((const uint8_t*)pc));
  if (guard->read != NULL || !protect(instance, PROT_READ)) return false;
  own->step = true;
  registers[REG_EFL] |= kTrapFlag;
  return true;
}
#endif

bool aotc_secret_placeholder(char* value, size_t size) {
  if (size < kPlaceholder || size > kEnd - kStart || getrandom(value, size, 0) != (ssize_t)size) return false;
  for (size_t i = 0; i < size; ++i) value[i] = (char)('a' + (value[i] & 15));
  return true;
}

/* Makes string headers {address, size} in linear memory point to `to` instead of `from`; returns how many there were.
 */
static unsigned redirect(struct aotc_instance* instance, uint64_t from, uint64_t size, uint64_t to) {
  uint8_t* memory = aotc_base(instance);
  uint64_t header[2] = {from, size}, end = aotc_tail(instance)->memory_size;
  unsigned count = 0;
  for (uint8_t* at = memory + kEnd; (at = memmem(at, (size_t)(memory + end - at), header, sizeof(header))) != NULL;
       at += 8) {
    if ((uintptr_t)at % 8 != 0) continue;
    memcpy(at, &to, sizeof(to));
    ++count;
  }
  return count;
}

static bool is_zero(const uint8_t* bytes, size_t size) {
  return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

void aotc_secrets_hide(struct aotc_instance* instance, struct aotc_wasi* wasi) {
  struct aotc_wasi_freeze* freeze = wasi->freeze;
  uint8_t* memory = aotc_base(instance);
  uint64_t end = aotc_tail(instance)->memory_size;
  freeze->secrets_wait = false;
  freeze->secrets_fault = "the module uses the addresses at which secrets are kept";
  if (end < kEnd || !is_zero(memory + kStart, kEnd - kStart)) return;
  uint32_t address = kStart;
  for (uint32_t i = 0; i < wasi->secret_count; ++i) {
    struct aotc_wasi_secret* secret = &wasi->secrets[i];
    const char* text = wasi->environ.text + secret->environ;
    uint32_t size = secret->name_size + secret->value_size;
    unsigned headers = 0;
    freeze->secrets_fault = "there are more than 8 KiB of secrets";
    if (size > kEnd - address) return;
    for (uint8_t* at = memory + kEnd; (at = memmem(at, (size_t)(memory + end - at), text, size)) != NULL; at += size) {
      headers += redirect(instance, (uint64_t)(at - memory), size, address);
      memset(at, 0, size);
    }
    freeze->secrets_fault = "its environment is not where Go keeps it";
    if (headers == 0) return;
    memcpy(memory + address, text, secret->name_size);
    secret->address = address + secret->name_size;
    address += (size + 7) & ~7u;
  }
  freeze->secrets_fault = "this processor has no single-step flag for programs";
#if defined(__x86_64__)
  freeze->secrets_fault = "out of memory";
  struct aotc_secrets_guard* guard = calloc(1, sizeof(*guard) + wasi->secret_count * sizeof(guard->secret[0]));
  if (guard == NULL) return;
  for (uint32_t i = 0; i < wasi->secret_count; ++i)
    guard->secret[i] = (struct aotc_guarded){wasi->secrets[i].address, wasi->secrets[i].value_size};
  guard->guard = (struct aotc_memory_guard){
      .start = kStart, .end = kEnd, .count = wasi->secret_count, .secret = guard->secret, .fault = on_fault};
  freeze->guard = guard;
  freeze->secrets_fault = "cannot make memory inaccessible";
  if (!protect(instance, PROT_NONE)) return;
  instance->guard = &guard->guard;
  aotc_helpers_guard(instance);
  freeze->secrets_fault = NULL;
#endif
}

const char* aotc_secrets_show(struct aotc_instance* instance, struct aotc_wasi* wasi) {
  if (wasi->freeze->secrets_wait) return "it did not start as Go programs do, so its secrets could not be hidden";
  if (instance->guard != NULL && !protect(instance, PROT_READ | PROT_WRITE)) return "cannot make memory accessible";
  instance->guard = NULL;
  return wasi->freeze->secrets_fault;
}

const char* aotc_wasi_secret_read(const struct aotc_wasi* wasi) {
  const struct aotc_secrets_guard* guard = wasi->freeze == NULL ? NULL : wasi->freeze->guard;
  if (guard == NULL || guard->guard.read == NULL) return NULL;
  return wasi->environ.text + wasi->secrets[guard->guard.read - guard->secret].environ;
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
