/* fastly_kv.c - KV stores: the app's key-value store (aotc/kv.h), in which a store's keys are those that begin with its
 * name and a slash.
 *
 * What a program begins is asked at once, and the answers come in turn: those that are not waited for yet are kept with
 * their handles.
 */
#include <stdio.h>

#include "aotc/kv.h"
#include "fastly.h"

enum kv_error { kOk = 1, kBadRequest, kNotFound, kPreconditionFailed, kPayloadTooLarge, kInternalError };
enum { kReserved = 1 << 0, kBackground = 1 << 1, kMetadata = 1 << 3, kTimeToLive = 1 << 4, kGeneration = 1 << 5 };
enum { kOverwrite, kAdd };
enum { kMostAsked = 1000 };

/* --- what is asked and answered -------------------------------------------------------------------------------------
 */

static enum kv_error error_of(uint32_t status) {
  switch (status) {
    case AOTC_KV_OK:
      return kOk;
    case AOTC_KV_NOT_THERE:
      return kNotFound;
    case AOTC_KV_CONFLICT:
      return kPreconditionFailed;
    case AOTC_KV_FULL:
      return kPayloadTooLarge;
    case AOTC_KV_WRONG:
      return kBadRequest;
    default:
      return kInternalError;
  }
}

static enum fastly_status say(struct fastly* f, struct aotc_instance* instance, uint16_t operation,
                              const struct fastly_name* store, const char* key, uint32_t size,
                              const struct aotc_text* value, uint64_t version, uint64_t milliseconds) {
  const struct aotc_kv_request head = {.size = store->size + 1 + size + (uint32_t)value->size,
                                       .operation = operation,
                                       .key_size = (uint16_t)(store->size + 1 + size),
                                       .version = version,
                                       .milliseconds = milliseconds};
  if (f->kv.stream == NULL && !fastly_link_open(f, &f->kv, AOTC_OUTBOUND_KV, "kv", 2, 0)) return FASTLY_OK;
  if (!fastly_link_say(f, instance, &f->kv, &head, sizeof head) ||
      !fastly_link_say(f, instance, &f->kv, store->bytes, store->size) ||
      !fastly_link_say(f, instance, &f->kv, "/", 1) || !fastly_link_say(f, instance, &f->kv, key, size) ||
      !fastly_link_say(f, instance, &f->kv, value->bytes, value->size)) {
    /* Half a request is the end of the stream. */
    f->kv.error = 1;
    return FASTLY_LIMITEXCEEDED;
  }
  fastly_link_flush(&f->kv);
  return FASTLY_OK;
}

/* Whose answer comes next. */
static struct fastly_asked* next_asked(struct fastly* f) {
  for (uint32_t i = 0; i < f->entry_count; ++i)
    if (f->entries[i].kind == FASTLY_ASKED && f->entries[i].asked->turn == f->kv_answered) return f->entries[i].asked;
  return NULL;
}

/* The answer that comes next; FASTLY_WAIT while it is not whole. */
static enum fastly_status take_answer(struct fastly* f, struct aotc_instance* instance) {
  struct fastly_link* link = &f->kv;
  struct aotc_kv_answer head;
  while (link->in.size - link->in_at < sizeof head) {
    const enum fastly_status status = fastly_link_hear(f, instance, link);
    if (status != FASTLY_OK) return status;
    if (link->ended) return FASTLY_ERROR;
  }
  memcpy(&head, link->in.bytes + link->in_at, sizeof head);
  if (head.size > AOTC_KV_MAX_VALUE) return FASTLY_ERROR;
  while (link->in.size - link->in_at - sizeof head < head.size) {
    const enum fastly_status status = fastly_link_hear(f, instance, link);
    if (status != FASTLY_OK) return status;
    if (link->ended) return FASTLY_ERROR;
  }
  /* Nobody may want it any more. */
  struct fastly_asked* asked = next_asked(f);
  if (asked != NULL) {
    if (!fastly_append(f, instance, &asked->value, link->in.bytes + link->in_at + sizeof head, head.size))
      return FASTLY_ERROR;
    asked->answered = true;
    asked->error = error_of(head.status);
    asked->version = head.version;
  }
  link->in_at += sizeof head + head.size;
  ++f->kv_answered;
  return FASTLY_OK;
}

/* Until what was asked is answered. A store that says nothing sensible any more is one that cannot be used. */
static enum fastly_status wait_for(struct fastly* f, struct aotc_instance* instance, struct fastly_asked* asked) {
  while (!asked->answered) {
    const enum fastly_status status = f->kv.stream == NULL ? FASTLY_ERROR : take_answer(f, instance);
    if (status == FASTLY_WAIT) return status;
    if (status == FASTLY_OK) continue;
    f->kv.error = 1;
    asked->answered = true;
    asked->error = kInternalError;
  }
  return FASTLY_OK;
}

/* --- functions ------------------------------------------------------------------------------------------------------
 */

enum aotc_status aotc_fastly_kv_store_open(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly* f = host;
  uint32_t size;
  const char* name = fastly_bytes(instance, slots, 0, &size);
  void* place = fastly_place(instance, slots, 2, 4);
  if (name == NULL || place == NULL || f->outbound == NULL || !fastly_is_kv_store(name, size))
    return fastly_finish(f, slots, FASTLY_INVAL);
  const uint32_t handle = fastly_name_handle(&f->names, FASTLY_KV_STORE, name, size);
  if (handle == 0) return fastly_finish(f, slots, FASTLY_LIMITEXCEEDED);
  fastly_put32(place, handle);
  return fastly_finish(f, slots, FASTLY_OK);
}

static bool has(const char* key, uint32_t size, const char* part, size_t at_end) {
  const size_t part_size = strlen(part);
  for (uint32_t i = 0; i + part_size <= size; ++i)
    if (memcmp(key + i, part, part_size) == 0 && (!at_end || i + part_size == size)) return true;
  return false;
}

/* As Fastly has it. */
static bool is_key(const char* key, uint32_t size) {
  static const char kReservedKeys[] = ".well-known/acme-challenge";
  for (uint32_t i = 0; i < size; ++i)
    if (key[i] == 0 || strchr("\r\n#;?^|", key[i]) != NULL) return false;
  if (size >= sizeof kReservedKeys - 1 && memcmp(key, kReservedKeys, sizeof kReservedKeys - 1) == 0) return false;
  if ((size == 1 && (key[0] == '.' || (unsigned char)key[0] <= ' ')) || (size == 2 && memcmp(key, "..", 2) == 0))
    return false;
  return size > 0 && !has(key, size, "./", false) && !has(key, size, "/.", true) && !has(key, size, "/..", true);
}

/* Arguments: a store, a key. Whether they are. */
static enum fastly_status look(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                               const struct fastly_name** store, const char** key, uint32_t* size) {
  *store = fastly_name_of(&f->names, FASTLY_KV_STORE, fastly_arg(slots, 0));
  *key = fastly_bytes(instance, slots, 1, size);
  if (*store == NULL) return FASTLY_BADF;
  if (*key == NULL || *size > AOTC_KV_MAX_KEY - 1 - (*store)->size || !is_key(*key, *size)) return FASTLY_INVAL;
  return f->kv_begun - f->kv_answered < kMostAsked ? FASTLY_OK : FASTLY_LIMITEXCEEDED;
}

/* What is answered without asking. */
static struct fastly_asked answered_by(uint16_t operation, enum kv_error error) {
  return (struct fastly_asked){.operation = operation, .answered = true, .error = error, .turn = UINT64_MAX};
}

/* Asks, and makes a handle of it. */
static enum fastly_status ask(struct fastly* f, struct aotc_instance* instance, uint16_t operation,
                              const struct fastly_name* store, const char* key, uint32_t size,
                              const struct aotc_text* value, uint64_t version, uint64_t milliseconds, void* place) {
  const uint32_t handle = fastly_new(f, instance, FASTLY_ASKED);
  struct fastly_entry* entry = fastly_entry(f, FASTLY_ASKED, handle);
  if (entry == NULL) return FASTLY_LIMITEXCEEDED;
  entry->asked->operation = operation;
  const enum fastly_status status = say(f, instance, operation, store, key, size, value, version, milliseconds);
  if (status != FASTLY_OK) {
    fastly_drop(f, entry);
    return status;
  }
  /* Where there is no stream nothing was said, and nothing will be answered. */
  if (f->kv.stream == NULL)
    *entry->asked = answered_by(operation, kInternalError);
  else
    entry->asked->turn = f->kv_begun++;
  fastly_put32(place, handle);
  return FASTLY_OK;
}

static enum fastly_status ask_simply(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                     uint16_t operation) {
  const struct fastly_name* store;
  const char* key;
  uint32_t size;
  const struct aotc_text none = {0};
  void* place = fastly_place(instance, slots, 5, 4);
  const enum fastly_status status = look(f, instance, slots, &store, &key, &size);
  if (status != FASTLY_OK) return status;
  if (place == NULL) return FASTLY_INVAL;
  return ask(f, instance, operation, store, key, size, &none, AOTC_KV_ANY, 0, place);
}

enum aotc_status aotc_fastly_kv_store_lookup(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, ask_simply(host, instance, slots, AOTC_KV_GET));
}

enum aotc_status aotc_fastly_kv_store_delete(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, ask_simply(host, instance, slots, AOTC_KV_DELETE));
}

/* All of a body, which goes; more than a store takes is cut. */
static enum fastly_status collect(struct fastly* f, struct aotc_instance* instance, struct fastly_entry* body) {
  char piece[4096];
  size_t read;
  while (f->kv_value.size <= AOTC_KV_MAX_VALUE) {
    const enum fastly_status status = fastly_read_parts(f, instance, body->body, piece, sizeof piece, &read);
    if (status == FASTLY_WAIT) fastly_move_on(f, instance, body->body);
    if (status != FASTLY_OK) return status;
    if (read == 0) break;
    if (!fastly_append(f, instance, &f->kv_value, piece, read)) return FASTLY_LIMITEXCEEDED;
  }
  fastly_drop(f, body);
  return FASTLY_OK;
}

/* How it is to be put: what is to be there now, and for how long. */
static enum fastly_status read_config(struct aotc_instance* instance, const uint64_t* slots, uint64_t* version,
                                      uint64_t* milliseconds) {
  struct {
    uint32_t mode, unused, metadata, metadata_size, seconds, padding;
    uint64_t generation;
  } config;
  const uint32_t mask = fastly_arg(slots, 4);
  const void* at = fastly_place(instance, slots, 5, sizeof config);
  if (at == NULL || mask >= 2 * kGeneration) return FASTLY_INVAL;
  memcpy(&config, at, sizeof config);
  if (config.mode > 3) return FASTLY_INVAL;
  if (config.mode > kAdd || mask & kMetadata) return FASTLY_UNSUPPORTED;
  *version = config.mode == kAdd ? 0 : mask & kGeneration ? config.generation : AOTC_KV_ANY;
  *milliseconds = mask & kTimeToLive ? (uint64_t)config.seconds * 1000 : 0;
  return FASTLY_OK;
}

static enum fastly_status insert(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots) {
  const struct fastly_name* store;
  const char* key;
  uint32_t size;
  uint64_t version, milliseconds;
  struct fastly_entry* body = fastly_entry(f, FASTLY_BODY, fastly_arg(slots, 3));
  void* place = fastly_place(instance, slots, 6, 4);
  enum fastly_status status = look(f, instance, slots, &store, &key, &size);
  if (status == FASTLY_OK && (body == NULL || body->body->sink != NULL)) status = FASTLY_BADF;
  if (status == FASTLY_OK && place == NULL) status = FASTLY_INVAL;
  if (status == FASTLY_OK) status = read_config(instance, slots, &version, &milliseconds);
  if (status == FASTLY_OK) status = collect(f, instance, body);
  if (status == FASTLY_WAIT) return status;
  /* One that is too large is refused when it is waited for. */
  const bool fits = f->kv_value.size <= AOTC_KV_MAX_VALUE;
  if (status == FASTLY_OK && fits) {
    status = ask(f, instance, AOTC_KV_PUT, store, key, size, &f->kv_value, version, milliseconds, place);
  } else if (status == FASTLY_OK) {
    const uint32_t handle = fastly_new(f, instance, FASTLY_ASKED);
    struct fastly_entry* entry = fastly_entry(f, FASTLY_ASKED, handle);
    if (entry != NULL) *entry->asked = answered_by(AOTC_KV_PUT, kPayloadTooLarge);
    if (entry != NULL) fastly_put32(place, handle);
    status = entry == NULL ? FASTLY_LIMITEXCEEDED : FASTLY_OK;
  }
  fastly_free_text(f, &f->kv_value);
  return status;
}

enum aotc_status aotc_fastly_kv_store_insert(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, insert(host, instance, slots));
}

/* The handle of what was asked, once it is answered. */
static enum fastly_status await(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                uint16_t operation, struct fastly_entry** entry) {
  *entry = fastly_entry(f, FASTLY_ASKED, fastly_arg(slots, 0));
  if (*entry == NULL || (*entry)->asked->operation != operation) return FASTLY_BADF;
  return wait_for(f, instance, (*entry)->asked);
}

static enum fastly_status await_change(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                       uint16_t operation) {
  struct fastly_entry* entry;
  void* place = fastly_place(instance, slots, 1, 4);
  if (place == NULL) return FASTLY_INVAL;
  const enum fastly_status status = await(f, instance, slots, operation, &entry);
  if (status != FASTLY_OK) return status;
  /* What is not there need not be deleted. */
  const uint32_t error = entry->asked->error;
  fastly_put32(place, operation == AOTC_KV_DELETE && error == kNotFound ? kOk : error);
  fastly_drop(f, entry);
  return FASTLY_OK;
}

enum aotc_status aotc_fastly_kv_store_insert_wait(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, await_change(host, instance, slots, AOTC_KV_PUT));
}

enum aotc_status aotc_fastly_kv_store_delete_wait(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, await_change(host, instance, slots, AOTC_KV_DELETE));
}

/* The value becomes a body. `wide`: generations have 64 bits. */
static enum fastly_status await_value(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                      bool wide) {
  struct fastly_entry* entry;
  void *body_place = fastly_place(instance, slots, 1, 4), *fill = fastly_place(instance, slots, 4, 4);
  void *generation = fastly_place(instance, slots, 5, wide ? 8 : 4), *error = fastly_place(instance, slots, 6, 4);
  if (body_place == NULL || fill == NULL || generation == NULL || error == NULL) return FASTLY_INVAL;
  const enum fastly_status status = await(f, instance, slots, AOTC_KV_GET, &entry);
  if (status != FASTLY_OK) return status;
  struct fastly_asked* asked = entry->asked;
  fastly_put32(error, asked->error);
  if (asked->error == kOk) {
    const uint32_t handle = fastly_new(f, instance, FASTLY_BODY);
    struct fastly_entry* body = fastly_entry(f, FASTLY_BODY, handle);
    /* A new handle may have moved all others. */
    entry = fastly_entry(f, FASTLY_ASKED, fastly_arg(slots, 0));
    if (body == NULL || !fastly_add_part(f, instance, body->body, FASTLY_MEMORY)) {
      fastly_forget(f, FASTLY_BODY, handle);
      return FASTLY_LIMITEXCEEDED;
    }
    body->body->first->bytes = asked->value;
    asked->value = (struct aotc_text){0};
    fastly_put32(body_place, handle);
    fastly_put32(fill, 0);
    if (wide)
      fastly_put64(generation, asked->version);
    else
      fastly_put32(generation, (uint32_t)asked->version);
  }
  fastly_drop(f, entry);
  return FASTLY_OK;
}

enum aotc_status aotc_fastly_kv_store_lookup_wait(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, await_value(host, instance, slots, false));
}

enum aotc_status aotc_fastly_kv_store_lookup_wait_v2(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, await_value(host, instance, slots, true));
}
