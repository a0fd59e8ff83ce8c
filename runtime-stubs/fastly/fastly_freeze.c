/* fastly_freeze.c - the host of a program that is to be frozen where it asks for its request. Before, it may say which
 * version of the interface it speaks and open logs and stores, of which the snapshot has the names; a program that
 * does more is not frozen, since there is nothing yet that could answer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/state.h"
#include "fastly.h"

struct freezer {
  struct aotc_host host; /* first */
  struct aotc_wasi* wasi;
  struct fastly_names names;
  bool did_more;
};

bool fastly_is_import(const char* module, const char* type) {
  const size_t size = strlen(type);
  return strncmp(module, "fastly_", 7) == 0 && size >= 2 && strcmp(type + size - 2, ":i") == 0;
}

bool aotc_is_fastly(const struct aotc_artifact* artifact) {
  const struct aotc_header* h = artifact->header;
  const struct aotc_import* imports = aotc_span_data(artifact, &h->imports);
  for (uint32_t i = 0; i < h->imports.count; ++i) {
    const char* module = aotc_artifact_string(artifact, imports[i].module);
    if (module != NULL && strncmp(module, "fastly_", 7) == 0) return true;
  }
  return false;
}

static enum aotc_status accept(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance, (void)host;
  slots[0] = FASTLY_OK;
  return AOTC_OK;
}

static enum aotc_status promise(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)host;
  void* place = fastly_place(instance, slots, 2, 4);
  if (place != NULL) fastly_put32(place, FASTLY_PROMISE);
  slots[0] = place == NULL ? FASTLY_INVAL : FASTLY_OK;
  return AOTC_OK;
}

static enum aotc_status wait_for_request(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance, (void)slots;
  return aotc_wasi_suspend(((struct freezer*)host)->wasi);
}

static enum aotc_status open_name(struct aotc_instance* instance, struct freezer* f, uint64_t* slots,
                                  enum fastly_kind kind) {
  uint32_t size;
  const char* name = fastly_bytes(instance, slots, 0, &size);
  void* place = fastly_place(instance, slots, 2, 4);
  const bool good = name != NULL && place != NULL && size > 0 && size <= FASTLY_MOST_NAME &&
                    (kind != FASTLY_ENDPOINT || fastly_is_endpoint(name, size)) &&
                    (kind != FASTLY_KV_STORE || fastly_is_kv_store(name, size));
  const uint32_t handle = good ? fastly_name_handle(&f->names, kind, name, size) : 0;
  if (handle != 0) fastly_put32(place, handle);
  slots[0] = handle != 0 ? FASTLY_OK : good ? FASTLY_LIMITEXCEEDED : FASTLY_INVAL;
  return AOTC_OK;
}

static enum aotc_status open_endpoint(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return open_name(instance, host, slots, FASTLY_ENDPOINT);
}
static enum aotc_status open_config_store(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return open_name(instance, host, slots, FASTLY_CONFIG_STORE);
}
static enum aotc_status open_secret_store(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return open_name(instance, host, slots, FASTLY_SECRET_STORE);
}

static enum aotc_status open_kv_store(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return open_name(instance, host, slots, FASTLY_KV_STORE);
}

static enum aotc_status more(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance;
  ((struct freezer*)host)->did_more = true;
  slots[0] = FASTLY_UNSUPPORTED;
  return AOTC_OK;
}

static const struct {
  const char *module, *field, *type;
  aotc_host_function function;
} kFunctions[] = {{"fastly_abi", "init", "I:i", accept},
                  {"fastly_http_req", "body_downstream_get", "ii:i", wait_for_request},
                  {"fastly_http_downstream", "next_request", "iii:i", promise},
                  {"fastly_http_downstream", "next_request_wait", "iii:i", wait_for_request},
                  {"fastly_log", "endpoint_get", "iii:i", open_endpoint},
                  {"fastly_config_store", "open", "iii:i", open_config_store},
                  {"fastly_dictionary", "open", "iii:i", open_config_store},
                  {"fastly_secret_store", "open", "iii:i", open_secret_store},
                  {"fastly_kv_store", "open", "iii:i", open_kv_store}};

static aotc_host_function resolve(struct aotc_host* host, const char* module, const char* field, const char* type) {
  (void)host;
  if (!fastly_is_import(module, type)) return NULL;
  for (size_t i = 0; i < sizeof kFunctions / sizeof kFunctions[0]; ++i)
    if (strcmp(module, kFunctions[i].module) == 0 && strcmp(field, kFunctions[i].field) == 0)
      return strcmp(type, kFunctions[i].type) == 0 ? kFunctions[i].function : NULL;
  return more;
}

static enum aotc_status save(struct aotc_host* host, struct aotc_instance* instance, struct aotc_arrays* state,
                             struct aotc_error* error) {
  const struct freezer* f = (const struct freezer*)host;
  (void)instance;
  if (f->did_more)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT,
                     "it did more with Fastly's interface before its request than to open stores and logs");
  return aotc_arrays_add(state, NULL, f->names.list, sizeof(*f->names.list), f->names.count, error);
}

static void destroy(struct aotc_host* host) {
  free(((struct freezer*)host)->names.list);
  free(host);
}

static const struct aotc_host_interface kInterface = {
    .name = AOTC_FASTLY_NAME, .resolve = resolve, .destroy = destroy, .freeze = save};

enum aotc_status aotc_fastly_freezer_create(struct aotc_wasi* wasi, struct aotc_host** host, struct aotc_error* error) {
  struct freezer* f = calloc(1, sizeof(*f));
  if (f == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "fastly: out of memory");
  f->host.interface = &kInterface;
  f->wasi = wasi;
  *host = &f->host;
  return AOTC_OK;
}
