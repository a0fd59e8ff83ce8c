/* fastly.c - see aotc/fastly.h: the host's table, pools, and the little that is asked about nothing else.
 *
 * Imports of the interface that are not here answer that they are unsupported, as Fastly's own do where a service lacks
 * something, so that programs find another way, or say so. Of the host's state only names outlive a request.
 */
#include "fastly.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/state.h"

static const struct {
  const char *module, *name, *type;
  aotc_host_function function;
} kFunctions[] = {
#define FASTLY_ENTRY(module, name, type) {#module, #name, type, aotc_##module##_##name},
    AOTC_FASTLY_FUNCTIONS(FASTLY_ENTRY, FASTLY_IGNORE)};

static enum aotc_status unsupported(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance, (void)host;
  slots[0] = FASTLY_UNSUPPORTED;
  return AOTC_OK;
}

static aotc_host_function resolve(struct aotc_host* host, const char* module, const char* field, const char* type) {
  (void)host;
  if (!fastly_is_import(module, type)) return NULL;
  for (size_t i = 0; i < sizeof kFunctions / sizeof kFunctions[0]; ++i)
    if (strcmp(module, kFunctions[i].module) == 0 && strcmp(field, kFunctions[i].name) == 0)
      return strcmp(type, kFunctions[i].type) == 0 ? kFunctions[i].function : NULL;
  return unsupported;
}

static void let_go(struct fastly* f) {
  fastly_drop_all(f);
  if (f->awaited != NULL) fastly_release(f, f->awaited);
  fastly_link_close(f, &f->kv);
  fastly_free_text(f, &f->kv_value);
  fastly_free_text(f, &f->in.head);
  fastly_free_text(f, &f->out_head);
  free(f->entries);
}

static void destroy(struct aotc_host* host) {
  struct fastly* f = (struct fastly*)host;
  let_go(f);
  free(f->names.list);
  free(f);
}

static enum aotc_status keep(struct aotc_host* host, struct aotc_error* error) {
  struct fastly* f = (struct fastly*)host;
  (void)error;
  f->kept_names = f->names.count;
  return AOTC_OK;
}

static void restore(struct aotc_host* host) {
  struct fastly* f = (struct fastly*)host;
  let_go(f);
  *f = (struct fastly){.host = f->host,
                       .wasi = f->wasi,
                       .connection = f->connection,
                       .values = f->values,
                       .outbound = f->outbound,
                       .options = f->options,
                       .limit = f->limit,
                       .names = f->names,
                       .kept_names = f->kept_names};
  f->names.count = f->kept_names;
}

static enum aotc_status thaw(struct aotc_host* host, struct aotc_instance* instance, const void* state, uint64_t size,
                             struct aotc_error* error) {
  struct fastly* f = (struct fastly*)host;
  const struct fastly_name* names = state;
  (void)instance;
  f->names.count = 0;
  for (uint64_t i = 0; i < size / sizeof(*names); ++i) {
    const enum fastly_kind kind = (enum fastly_kind)names[i].kind;
    const bool good = kind >= FASTLY_ENDPOINT && kind <= FASTLY_KV_STORE && names[i].size <= FASTLY_MOST_NAME;
    if (!good || fastly_name_handle(&f->names, kind, names[i].bytes, names[i].size) != i + 1)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "corrupted: snapshot: names of Fastly's stores and logs");
    if ((kind == FASTLY_CONFIG_STORE || kind == FASTLY_SECRET_STORE) &&
        !fastly_store_exists(f, kind, names[i].bytes, names[i].size))
      return aotc_fail(error, AOTC_ERROR_ARGUMENT,
                       "its snapshot has opened the %s store %.*s, of which there is no value",
                       kind == FASTLY_CONFIG_STORE ? "config" : "secret", (int)names[i].size, names[i].bytes);
    if (kind == FASTLY_KV_STORE && f->outbound == NULL)
      return aotc_fail(error, AOTC_ERROR_ARGUMENT,
                       "its snapshot has opened the KV store %.*s, and there are none (--kv)", (int)names[i].size,
                       names[i].bytes);
  }
  return AOTC_OK;
}

static const struct aotc_host_interface kInterface = {
    .name = AOTC_FASTLY_NAME, .resolve = resolve, .destroy = destroy, .keep = keep, .restore = restore, .thaw = thaw};

static enum aotc_status create(const struct aotc_serve_options* serve, struct aotc_wasi* wasi, struct aotc_host** host,
                               struct aotc_error* error) {
  const struct aotc_fastly_options* options = serve->host_options;
  struct fastly* f = calloc(1, sizeof(*f));
  if (f == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "fastly: out of memory");
  f->host.interface = &kInterface;
  f->wasi = wasi;
  f->connection = aotc_wasi_connection(wasi);
  f->values = serve->values;
  f->outbound = serve->outbound;
  f->options = options;
  f->limit = options->limit;
  *host = &f->host;
  return AOTC_OK;
}

enum aotc_status aotc_fastly_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                         const struct aotc_serve_options* serve,
                                         const struct aotc_fastly_options* fastly, struct aotc_pool** pool,
                                         struct aotc_error* error) {
  struct aotc_serve_options with_host = *serve;
  with_host.create_host = create;
  with_host.host_options = fastly;
  return aotc_serve_pool_create(image, options, &with_host, pool, error);
}

bool aotc_serve_is_fastly(const struct aotc_image* image) { return aotc_is_fastly(image->artifact); }

enum aotc_status aotc_fastly_abi_init(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance;
  return fastly_finish(host, slots, slots[0] == 1 ? FASTLY_OK : FASTLY_ERROR);
}

/* Of the client the country, if the node knows it; of others nothing. */
enum aotc_status aotc_fastly_geo_lookup(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly* f = host;
  const struct aotc_peer* asker = aotc_wasi_asker(f->wasi);
  char text[64];
  uint8_t client[16];
  uint32_t size;
  const char* address = fastly_bytes(instance, slots, 0, &size);
  if (address == NULL || (size != 4 && size != 16)) return fastly_finish(f, slots, FASTLY_INVAL);
  fastly_client_address(f, client);
  const bool known = f->asked && asker->country[0] != 0 && memcmp(client + sizeof client - size, address, size) == 0;
  const int length = known ? snprintf(text, sizeof text, "{\"country_code\":\"%.2s\"}", asker->country) : 0;
  return fastly_finish(f, slots, fastly_give(instance, slots, 2, text, (size_t)length));
}

enum aotc_status aotc_fastly_device_detection_lookup(struct aotc_instance* instance, void* host, uint64_t* slots) {
  uint32_t size;
  const char* agent = fastly_bytes(instance, slots, 0, &size);
  return fastly_finish(host, slots, agent == NULL ? FASTLY_INVAL : FASTLY_NONE);
}
