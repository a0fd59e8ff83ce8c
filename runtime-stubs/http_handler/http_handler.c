/* http_handler.c - see aotc/http_handler.h: the host's table, and what a handler asks that is about no message:
 * features, configuration, log.
 *
 * Of its state only the features that set-up has enabled outlive a request; they are in a snapshot.
 */
#include "http_handler.h"

#include <stdlib.h>

enum { kFeatures = AOTC_HTTP_BUFFER_REQUEST | AOTC_HTTP_BUFFER_RESPONSE | AOTC_HTTP_TRAILERS };
/* Levels of http-wasm's log. */
enum { kDebug = -1, kInfo, kWarn, kError };
#define CONFIG "http_handler"

static const struct {
  const char *name, *type;
  aotc_host_function function;
} kFunctions[] = {
#define AOTC_HTTP_ENTRY(name, type) {#name, type, aotc_http_##name},
    AOTC_HTTP_HANDLER_FUNCTIONS(AOTC_HTTP_ENTRY)};

static aotc_host_function resolve(struct aotc_host* host, const char* module, const char* field, const char* type) {
  (void)host;
  if (strcmp(module, AOTC_HTTP_HANDLER_NAME) != 0) return NULL;
  for (size_t i = 0; i < sizeof kFunctions / sizeof kFunctions[0]; ++i)
    if (strcmp(field, kFunctions[i].name) == 0)
      return strcmp(type, kFunctions[i].type) == 0 ? kFunctions[i].function : NULL;
  return NULL;
}

static void free_message(struct aotc_http_message* message) {
  free(message->fields.bytes);
  free(message->trailers.bytes);
  free(message->body.bytes);
}

static void release(struct aotc_http_exchange* exchange) {
  free(exchange->method.bytes);
  free(exchange->uri.bytes);
  free_message(&exchange->request);
  free_message(&exchange->response);
  *exchange = (struct aotc_http_exchange){0};
}

static void destroy(struct aotc_host* host) {
  release(&((struct http_handler*)host)->exchange);
  free(host);
}

/* What a request has left goes with it, buffers included: they are as large as it was. */
static void restore(struct aotc_host* host) {
  struct http_handler* h = (struct http_handler*)host;
  release(&h->exchange);
  h->exchange.features = h->features = h->kept_features;
}

static enum aotc_status keep(struct aotc_host* host, struct aotc_error* error) {
  struct http_handler* h = (struct http_handler*)host;
  (void)error;
  h->kept_features = h->features;
  return AOTC_OK;
}

static enum aotc_status save(struct aotc_host* host, struct aotc_instance* instance, struct aotc_arrays* state,
                             struct aotc_error* error) {
  struct http_handler* h = (struct http_handler*)host;
  (void)instance;
  if (h->asked_for_config) {
    *error = (struct aotc_error){AOTC_ERROR_ARGUMENT, "it asked for its configuration before the thaw"};
    return AOTC_ERROR_ARGUMENT;
  }
  return aotc_arrays_add(state, NULL, &h->features, sizeof h->features, 1, error);
}

static enum aotc_status thaw(struct aotc_host* host, struct aotc_instance* instance, const void* state, uint64_t size,
                             struct aotc_error* error) {
  struct http_handler* h = (struct http_handler*)host;
  (void)instance;
  if (size >= sizeof h->features) memcpy(&h->features, state, sizeof h->features);
  if (size < sizeof h->features || (h->features & ~(uint32_t)kFeatures) != 0) {
    *error = (struct aotc_error){AOTC_ERROR_FORMAT, "corrupted: snapshot: features of the handler"};
    return AOTC_ERROR_FORMAT;
  }
  h->exchange.features = h->features;
  return AOTC_OK;
}

static const struct aotc_host_interface kInterface = {.name = AOTC_HTTP_HANDLER_NAME,
                                                      .resolve = resolve,
                                                      .destroy = destroy,
                                                      .keep = keep,
                                                      .restore = restore,
                                                      .freeze = save,
                                                      .thaw = thaw};

enum aotc_status aotc_http_handler_create(const struct aotc_http_handler_options* options, struct aotc_host** host,
                                          struct aotc_error* error) {
  struct http_handler* h = calloc(1, sizeof(*h));
  if (h == NULL) {
    *error = (struct aotc_error){AOTC_ERROR_LIMIT, "http_handler: out of memory"};
    return AOTC_ERROR_LIMIT;
  }
  h->host.interface = &kInterface;
  h->connection = options->connection;
  h->values = options->values;
  h->limit = options->limit;
  *host = &h->host;
  return AOTC_OK;
}

/* Those that are enabled while there is a request are for this one; when it has gone on it is too late. */
enum aotc_status aotc_http_enable_features(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct http_handler* h = host;
  (void)instance;
  if (h->exchange.phase != AOTC_HTTP_RESPONSE) h->exchange.features |= arg32(slots, 0) & kFeatures;
  if (h->exchange.phase == AOTC_HTTP_SET_UP) h->features = h->exchange.features;
  slots[0] = h->exchange.features;
  if (h->exchange.phase != AOTC_HTTP_REQUEST || h->exchange.request.whole ||
      !(h->exchange.features & AOTC_HTTP_BUFFER_REQUEST))
    return AOTC_OK;
  h->exchange.wants_whole = true;
  return AOTC_EXITED;
}

enum aotc_status aotc_http_get_config(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct http_handler* h = host;
  h->asked_for_config = true;
  for (size_t i = 0; i < h->values.count; ++i) {
    const struct aotc_edge_value* value = &h->values.list[i];
    if (value->kind == AOTC_EDGE_CONFIG && strcmp(value->name, CONFIG) == 0)
      return aotc_http_give(instance, slots, 0, value->bytes, value->size);
  }
  slots[0] = 0;
  return AOTC_OK;
}

enum aotc_status aotc_http_log_enabled(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance, (void)host;
  int32_t level = (int32_t)arg32(slots, 0);
  slots[0] = level >= kInfo && level <= kError;
  return AOTC_OK;
}

enum aotc_status aotc_http_log(struct aotc_instance* instance, void* host, uint64_t* slots) {
  int32_t level = (int32_t)arg32(slots, 0);
  uint32_t size = arg32(slots, 2);
  const char* text = aotc_http_memory(instance, arg32(slots, 1), size);
  if (text == NULL) return AOTC_TRAPPED;
  if (level >= kInfo && level <= kError) aotc_http_log_line(host, level == kInfo ? 1 : 2, text, size);
  return AOTC_OK;
}
