/* fastly_values.c - config stores (dictionaries, formerly) and secret stores: the values that the operator gives, of
 * which those named STORE.KEY are the store's.
 */
#include "fastly.h"

static uint32_t kind_of(enum fastly_kind store) {
  return store == FASTLY_SECRET_STORE ? AOTC_EDGE_SECRET : AOTC_EDGE_CONFIG;
}

/* Whether a value is of a store. */
static bool is_of(const struct aotc_edge_value* value, uint32_t kind, const char* store, uint32_t size) {
  return value->kind == kind && strlen(value->name) > size + 1 && memcmp(value->name, store, size) == 0 &&
         value->name[size] == '.';
}

bool fastly_store_exists(const struct fastly* f, enum fastly_kind kind, const char* store, uint32_t size) {
  for (size_t i = 0; i < f->values.count; ++i)
    if (is_of(&f->values.list[i], kind_of(kind), store, size)) return true;
  return false;
}

static const struct aotc_edge_value* find(const struct fastly* f, const struct fastly_name* store, const char* key,
                                          uint32_t size) {
  for (size_t i = 0; i < f->values.count; ++i) {
    const struct aotc_edge_value* value = &f->values.list[i];
    if (!is_of(value, kind_of((enum fastly_kind)store->kind), store->bytes, store->size)) continue;
    const char* known = value->name + store->size + 1;
    if (strlen(known) == size && memcmp(known, key, size) == 0) return value;
  }
  return NULL;
}

/* `missing`: what it answers when there is none. */
static enum fastly_status open_store(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                     enum fastly_kind kind, enum fastly_status missing) {
  uint32_t size;
  const char* name = fastly_bytes(instance, slots, 0, &size);
  void* place = fastly_place(instance, slots, 2, 4);
  if (name == NULL || place == NULL) return FASTLY_INVAL;
  if (size == 0 || size > FASTLY_MOST_NAME || !fastly_store_exists(f, kind, name, size)) return missing;
  const uint32_t handle = fastly_name_handle(&f->names, kind, name, size);
  if (handle == 0) return FASTLY_LIMITEXCEEDED;
  fastly_put32(place, handle);
  return FASTLY_OK;
}

/* The value of a key; or why there is none. */
static enum fastly_status look(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                               enum fastly_kind kind, const struct aotc_edge_value** value) {
  uint32_t size;
  const struct fastly_name* store = fastly_name_of(&f->names, kind, fastly_arg(slots, 0));
  const char* key = fastly_bytes(instance, slots, 1, &size);
  if (store == NULL) return FASTLY_BADF;
  if (key == NULL) return FASTLY_INVAL;
  *value = find(f, store, key, size);
  return *value == NULL ? FASTLY_NONE : FASTLY_OK;
}

static enum fastly_status get_value(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots) {
  const struct aotc_edge_value* value;
  const enum fastly_status status = look(f, instance, slots, FASTLY_CONFIG_STORE, &value);
  return status == FASTLY_OK ? fastly_give(instance, slots, 3, value->bytes, value->size) : status;
}

enum aotc_status aotc_fastly_config_store_open(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, open_store(host, instance, slots, FASTLY_CONFIG_STORE, FASTLY_BADF));
}
enum aotc_status aotc_fastly_dictionary_open(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, open_store(host, instance, slots, FASTLY_CONFIG_STORE, FASTLY_BADF));
}
enum aotc_status aotc_fastly_config_store_get(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, get_value(host, instance, slots));
}
enum aotc_status aotc_fastly_dictionary_get(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, get_value(host, instance, slots));
}

enum aotc_status aotc_fastly_secret_store_open(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, open_store(host, instance, slots, FASTLY_SECRET_STORE, FASTLY_NONE));
}

static enum fastly_status new_secret(struct fastly* f, struct aotc_instance* instance, const char* bytes, size_t size,
                                     void* place) {
  if (place == NULL) return FASTLY_INVAL;
  const uint32_t handle = fastly_new(f, instance, FASTLY_SECRET);
  struct fastly_entry* entry = fastly_entry(f, FASTLY_SECRET, handle);
  if (entry == NULL) return FASTLY_LIMITEXCEEDED;
  if (!fastly_append(f, instance, entry->secret, bytes, size)) {
    fastly_drop(f, entry);
    return FASTLY_LIMITEXCEEDED;
  }
  fastly_put32(place, handle);
  return FASTLY_OK;
}

enum aotc_status aotc_fastly_secret_store_get(struct aotc_instance* instance, void* host, uint64_t* slots) {
  const struct aotc_edge_value* value;
  enum fastly_status status = look(host, instance, slots, FASTLY_SECRET_STORE, &value);
  if (status == FASTLY_OK)
    status = new_secret(host, instance, value->bytes, value->size, fastly_place(instance, slots, 3, 4));
  return fastly_finish(host, slots, status);
}

enum aotc_status aotc_fastly_secret_store_plaintext(struct aotc_instance* instance, void* host, uint64_t* slots) {
  const struct fastly_entry* entry = fastly_entry(host, FASTLY_SECRET, fastly_arg(slots, 0));
  return fastly_finish(
      host, slots,
      entry == NULL ? FASTLY_BADF : fastly_give(instance, slots, 1, entry->secret->bytes, entry->secret->size));
}

enum aotc_status aotc_fastly_secret_store_from_bytes(struct aotc_instance* instance, void* host, uint64_t* slots) {
  uint32_t size;
  const char* bytes = fastly_bytes(instance, slots, 0, &size);
  return fastly_finish(
      host, slots,
      bytes == NULL ? FASTLY_INVAL : new_secret(host, instance, bytes, size, fastly_place(instance, slots, 2, 4)));
}
