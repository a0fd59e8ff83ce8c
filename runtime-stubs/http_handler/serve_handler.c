/* serve_handler.c - pools of handlers: WASI with a log as servers have it (wasi/serve.c), the handler's host, and the
 * two calls.
 */
#include <stdlib.h>

#include "core/state.h"
#include "http_handler.h"

/* Null when there is none of a type. */
static const struct aotc_export* request_call(const struct aotc_artifact* artifact) {
  const struct aotc_export* e = aotc_artifact_export(artifact, "handle_request", AOTC_EXPORT_FUNCTION);
  struct aotc_type_view type;
  if (e == NULL || !aotc_artifact_type(artifact, e->type, &type)) return NULL;
  return type.params == 0 && type.results == 1 && type.bytes[0] == AOTC_I64 ? e : NULL;
}

static const struct aotc_export* response_call(const struct aotc_artifact* artifact) {
  const struct aotc_export* e = aotc_artifact_export(artifact, "handle_response", AOTC_EXPORT_FUNCTION);
  struct aotc_type_view type;
  if (e == NULL || !aotc_artifact_type(artifact, e->type, &type)) return NULL;
  bool fits = type.params == 2 && type.results == 0 && type.bytes[0] == AOTC_I32 && type.bytes[1] == AOTC_I32;
  return fits ? e : NULL;
}

bool aotc_is_http_handler(const struct aotc_artifact* artifact) {
  return request_call(artifact) != NULL && response_call(artifact) != NULL;
}

bool aotc_serve_is_handler(const struct aotc_image* image) { return aotc_is_http_handler(image->artifact); }

static enum aotc_status create_host(const struct aotc_serve_options* serve, struct aotc_wasi* wasi,
                                    struct aotc_host** host, struct aotc_error* error) {
  const struct aotc_http_handler_options options = {
      .connection = aotc_wasi_connection(wasi), .values = serve->values, .limit = serve->write_buffer};
  return aotc_http_handler_create(&options, host, error);
}

enum aotc_status aotc_http_handler_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                               const struct aotc_serve_options* serve, struct aotc_pool** pool,
                                               struct aotc_error* error) {
  struct aotc_serve_options with_host = *serve;
  with_host.create_host = create_host;
  with_host.called = true;
  return aotc_serve_pool_create(image, options, &with_host, pool, error);
}

enum aotc_status aotc_slot_begin_handler(struct aotc_slot* slot, struct aotc_error* error) {
  const struct aotc_artifact* artifact = slot->instance->artifact;
  bool has_entry = aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION) != NULL ||
                   aotc_artifact_export(artifact, "_initialize", AOTC_EXPORT_FUNCTION) != NULL;
  return slot->instance->thaw || has_entry ? aotc_slot_begin(slot, error) : aotc_instance_start(slot->instance, error);
}

static struct http_handler* handler_of(const struct aotc_slot* slot) {
  return (struct http_handler*)slot->hosts.list[slot->hosts.count - 1];
}

struct aotc_http_exchange* aotc_slot_exchange(const struct aotc_slot* slot) { return &handler_of(slot)->exchange; }

void* aotc_slot_stream_owner(const struct aotc_slot* slot) { return slot->hosts.list[0]; }

enum aotc_status aotc_slot_handle_request(struct aotc_slot* slot, bool* next, uint32_t* context,
                                          struct aotc_error* error) {
  struct aotc_value result = {{0, 0}};
  handler_of(slot)->exchange.phase = AOTC_HTTP_REQUEST;
  enum aotc_status status =
      aotc_instance_call(slot->instance, request_call(slot->instance->artifact), NULL, &result, error);
  *next = (uint32_t)result.word[0] == 1;
  *context = (uint32_t)(result.word[0] >> 32);
  return status;
}

enum aotc_status aotc_slot_handle_response(struct aotc_slot* slot, uint32_t context, bool failed,
                                           struct aotc_error* error) {
  const struct aotc_value args[2] = {{{context, 0}}, {{failed, 0}}};
  handler_of(slot)->exchange.phase = AOTC_HTTP_RESPONSE;
  return aotc_instance_call(slot->instance, response_call(slot->instance->artifact), args, NULL, error);
}
