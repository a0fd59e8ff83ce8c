/* fastly_message.c - requests and responses as programs see and make them: methods, URIs, versions, status, fields.
 * Fields are lines in a text (fastly_fields.c).
 */
#include "fastly.h"
#include "http_handler/http_lines.h"

/* --- fields --------------------------------------------------------------------------------------------------------
 */

static enum fastly_status names(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                enum fastly_kind kind) {
  const struct fastly_message* m = fastly_message(f, kind, fastly_arg(slots, 0));
  return m == NULL ? FASTLY_BADF : fastly_give_list(instance, slots, 1, &m->fields, NULL, 0);
}

/* The message, and the name of a field; or why there is none. */
static enum fastly_status find(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                               enum fastly_kind kind, struct fastly_message** message, const char** name,
                               uint32_t* size) {
  *message = fastly_message(f, kind, fastly_arg(slots, 0));
  *name = fastly_bytes(instance, slots, 1, size);
  if (*message == NULL) return FASTLY_BADF;
  if (*name == NULL || *size > FASTLY_MOST_FIELD_NAME) return FASTLY_INVAL;
  return aotc_http_is_token(*name, *size) ? FASTLY_OK : FASTLY_ERROR;
}

static enum fastly_status value_of(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                   enum fastly_kind kind) {
  struct fastly_message* m;
  struct aotc_http_line line;
  const char* name;
  uint32_t size;
  const enum fastly_status status = find(f, instance, slots, kind, &m, &name, &size);
  if (status != FASTLY_OK) return status;
  for (size_t at = 0; aotc_http_next_line(&m->fields, at, &line); at = line.end)
    if (aotc_http_same_name(line.name, line.name_size, name, size))
      return fastly_give(instance, slots, 3, line.value, line.value_size);
  return FASTLY_INVAL;
}

/* The program may have its name where its values are to be. */
static enum fastly_status values_of(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                    enum fastly_kind kind) {
  struct fastly_message* m;
  const char* name;
  char copy[256];
  uint32_t size;
  const enum fastly_status status = find(f, instance, slots, kind, &m, &name, &size);
  if (status != FASTLY_OK) return status;
  const bool fits = size <= sizeof copy;
  if (fits) memcpy(copy, name, size);
  return fastly_give_list(instance, slots, 3, &m->fields, fits ? copy : name, size);
}

/* Each of the values ends with a zero. */
static enum fastly_status set_values(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                     enum fastly_kind kind) {
  struct fastly_message* m;
  const char* name;
  uint32_t size, values_size;
  enum fastly_status status = find(f, instance, slots, kind, &m, &name, &size);
  const char* values = fastly_bytes(instance, slots, 3, &values_size);
  if (status != FASTLY_OK) return status;
  if (values == NULL) return FASTLY_INVAL;
  for (uint32_t i = 0; i < values_size; ++i)
    if (values[i] != 0 && !aotc_http_is_value(values + i, 1)) return FASTLY_ERROR;
  aotc_http_remove_lines(&m->fields, name, size);
  for (uint32_t at = 0; at < values_size && status == FASTLY_OK;) {
    const char* end = memchr(values + at, 0, values_size - at);
    if (end == NULL) break;
    const uint32_t length = (uint32_t)(end - values) - at;
    status = fastly_add_field(f, instance, &m->fields, name, size, values + at, length);
    at += length + 1;
  }
  return status;
}

static enum fastly_status put(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                              enum fastly_kind kind, bool replace) {
  struct fastly_message* m;
  const char* name;
  uint32_t size, value_size;
  const enum fastly_status status = find(f, instance, slots, kind, &m, &name, &size);
  const char* value = fastly_bytes(instance, slots, 3, &value_size);
  if (status != FASTLY_OK) return status;
  if (value == NULL) return FASTLY_INVAL;
  if (!aotc_http_is_value(value, value_size)) return FASTLY_ERROR;
  if (replace) aotc_http_remove_lines(&m->fields, name, size);
  return fastly_add_field(f, instance, &m->fields, name, size, value, value_size);
}

static enum fastly_status remove_field(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                       enum fastly_kind kind) {
  struct fastly_message* m;
  const char* name;
  uint32_t size;
  const enum fastly_status status = find(f, instance, slots, kind, &m, &name, &size);
  if (status != FASTLY_OK) return status;
  const size_t before = m->fields.size;
  aotc_http_remove_lines(&m->fields, name, size);
  return m->fields.size == before ? FASTLY_INVAL : FASTLY_OK;
}

static enum fastly_status close_message(struct fastly* f, uint32_t handle, enum fastly_kind kind) {
  struct fastly_entry* entry = fastly_entry(f, kind, handle);
  if (entry == NULL) return FASTLY_BADF;
  fastly_drop(f, entry);
  return FASTLY_OK;
}

static enum fastly_status new_message(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                      enum fastly_kind kind) {
  void* place = fastly_place(instance, slots, 0, 4);
  if (place == NULL) return FASTLY_INVAL;
  const uint32_t handle = fastly_new(f, instance, kind);
  if (handle == 0) return FASTLY_LIMITEXCEEDED;
  fastly_put32(place, handle);
  return FASTLY_OK;
}

static enum fastly_status give_version(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                       enum fastly_kind kind) {
  const struct fastly_message* m = fastly_message(f, kind, fastly_arg(slots, 0));
  void* place = fastly_place(instance, slots, 1, 4);
  if (m == NULL) return FASTLY_BADF;
  if (place == NULL) return FASTLY_INVAL;
  fastly_put32(place, m->version);
  return FASTLY_OK;
}

/* A number of few values for a message. */
static enum fastly_status take_number(struct fastly* f, const uint64_t* slots, enum fastly_kind kind, uint32_t most,
                                      struct fastly_message** message) {
  *message = fastly_message(f, kind, fastly_arg(slots, 0));
  return *message == NULL ? FASTLY_BADF : fastly_arg(slots, 1) > most ? FASTLY_INVAL : FASTLY_OK;
}

static enum fastly_status set_version(struct fastly* f, const uint64_t* slots, enum fastly_kind kind) {
  struct fastly_message* m;
  const enum fastly_status status = take_number(f, slots, kind, 4, &m);
  if (status == FASTLY_OK) m->version = fastly_arg(slots, 1);
  return status;
}

static enum fastly_status set_framing(struct fastly* f, const uint64_t* slots, enum fastly_kind kind) {
  struct fastly_message* m;
  const enum fastly_status status = take_number(f, slots, kind, 1, &m);
  if (status == FASTLY_OK) m->manual_framing = fastly_arg(slots, 1) == 1;
  return status;
}

/* The same functions for both kinds of messages. */
#define BOTH(name, call)                                                                                       \
  enum aotc_status aotc_fastly_http_req_##name(struct aotc_instance* instance, void* host, uint64_t* slots) {  \
    const enum fastly_kind kind = FASTLY_REQUEST;                                                              \
    struct fastly* f = host;                                                                                   \
    (void)instance;                                                                                            \
    return fastly_finish(f, slots, call);                                                                      \
  }                                                                                                            \
  enum aotc_status aotc_fastly_http_resp_##name(struct aotc_instance* instance, void* host, uint64_t* slots) { \
    const enum fastly_kind kind = FASTLY_RESPONSE;                                                             \
    struct fastly* f = host;                                                                                   \
    (void)instance;                                                                                            \
    return fastly_finish(f, slots, call);                                                                      \
  }
BOTH(new, new_message(f, instance, slots, kind))
BOTH(close, close_message(f, fastly_arg(slots, 0), kind))
BOTH(header_names_get, names(f, instance, slots, kind))
BOTH(header_value_get, value_of(f, instance, slots, kind))
BOTH(header_values_get, values_of(f, instance, slots, kind))
BOTH(header_values_set, set_values(f, instance, slots, kind))
BOTH(header_insert, put(f, instance, slots, kind, true))
BOTH(header_append, put(f, instance, slots, kind, false))
BOTH(header_remove, remove_field(f, instance, slots, kind))
BOTH(version_get, give_version(f, instance, slots, kind))
BOTH(version_set, set_version(f, slots, kind))
BOTH(framing_headers_mode_set, set_framing(f, slots, kind))
#undef BOTH

/* --- the first line ------------------------------------------------------------------------------------------------
 */

static enum fastly_status give_text(struct aotc_instance* instance, const uint64_t* slots,
                                    const struct fastly_message* m, const struct aotc_text* text,
                                    const char* otherwise) {
  if (m == NULL) return FASTLY_BADF;
  const bool said = text->size > 0;
  return fastly_give(instance, slots, 1, said ? text->bytes : otherwise, said ? text->size : strlen(otherwise));
}

static enum fastly_status take_text(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                    struct aotc_text* text, bool (*good)(const char* bytes, size_t size)) {
  uint32_t size;
  const char* bytes = fastly_bytes(instance, slots, 1, &size);
  if (bytes == NULL) return FASTLY_INVAL;
  if (!good(bytes, size)) return FASTLY_ERROR;
  text->size = 0;
  return fastly_append(f, instance, text, bytes, size) ? FASTLY_OK : FASTLY_LIMITEXCEEDED;
}

static bool is_uri(const char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i)
    if ((unsigned char)bytes[i] <= ' ' || bytes[i] == 0x7f) return false;
  return size > 0;
}

enum aotc_status aotc_fastly_http_req_method_get(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly_message* m = fastly_message(host, FASTLY_REQUEST, fastly_arg(slots, 0));
  return fastly_finish(host, slots, give_text(instance, slots, m, m == NULL ? NULL : &m->method, "GET"));
}

enum aotc_status aotc_fastly_http_req_method_set(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly_message* m = fastly_message(host, FASTLY_REQUEST, fastly_arg(slots, 0));
  if (m == NULL) return fastly_finish(host, slots, FASTLY_BADF);
  return fastly_finish(host, slots, take_text(host, instance, slots, &m->method, aotc_http_is_token));
}

enum aotc_status aotc_fastly_http_req_uri_get(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly_message* m = fastly_message(host, FASTLY_REQUEST, fastly_arg(slots, 0));
  return fastly_finish(host, slots, give_text(instance, slots, m, m == NULL ? NULL : &m->uri, "/"));
}

enum aotc_status aotc_fastly_http_req_uri_set(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly_message* m = fastly_message(host, FASTLY_REQUEST, fastly_arg(slots, 0));
  if (m == NULL) return fastly_finish(host, slots, FASTLY_BADF);
  return fastly_finish(host, slots, take_text(host, instance, slots, &m->uri, is_uri));
}

enum aotc_status aotc_fastly_http_resp_status_get(struct aotc_instance* instance, void* host, uint64_t* slots) {
  const struct fastly_message* m = fastly_message(host, FASTLY_RESPONSE, fastly_arg(slots, 0));
  uint8_t* place = fastly_place(instance, slots, 1, 2);
  if (m == NULL) return fastly_finish(host, slots, FASTLY_BADF);
  if (place == NULL) return fastly_finish(host, slots, FASTLY_INVAL);
  const uint16_t status = (uint16_t)m->status;
  memcpy(place, &status, sizeof status);
  return fastly_finish(host, slots, FASTLY_OK);
}

enum aotc_status aotc_fastly_http_resp_status_set(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct fastly_message* m = fastly_message(host, FASTLY_RESPONSE, fastly_arg(slots, 0));
  const uint32_t status = fastly_arg(slots, 1);
  (void)instance;
  if (m == NULL) return fastly_finish(host, slots, FASTLY_BADF);
  if (status < 100 || status > 999) return fastly_finish(host, slots, FASTLY_INVAL);
  m->status = status;
  return fastly_finish(host, slots, FASTLY_OK);
}

/* --- what is about caches and encodings that are not here -----------------------------------------------------------
 */

static enum fastly_status is_request(struct fastly* f, const uint64_t* slots) {
  return fastly_message(f, FASTLY_REQUEST, fastly_arg(slots, 0)) == NULL ? FASTLY_BADF : FASTLY_OK;
}

enum aotc_status aotc_fastly_http_req_cache_override_set(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance;
  return fastly_finish(host, slots, is_request(host, slots));
}

enum aotc_status aotc_fastly_http_req_cache_override_v2_set(struct aotc_instance* instance, void* host,
                                                            uint64_t* slots) {
  uint32_t size;
  const char* keys = fastly_bytes(instance, slots, 4, &size);
  const bool good = keys != NULL && aotc_http_is_value(keys, size);
  return fastly_finish(host, slots, good ? is_request(host, slots) : FASTLY_INVAL);
}

enum aotc_status aotc_fastly_http_req_auto_decompress_response_set(struct aotc_instance* instance, void* host,
                                                                   uint64_t* slots) {
  (void)instance;
  const enum fastly_status status = is_request(host, slots);
  return fastly_finish(host, slots, status == FASTLY_OK && fastly_arg(slots, 1) != 0 ? FASTLY_UNSUPPORTED : status);
}

enum aotc_status aotc_fastly_http_resp_http_keepalive_mode_set(struct aotc_instance* instance, void* host,
                                                               uint64_t* slots) {
  (void)instance;
  struct fastly_message* m;
  const enum fastly_status status = take_number(host, slots, FASTLY_RESPONSE, 1, &m);
  return fastly_finish(host, slots, status == FASTLY_OK && fastly_arg(slots, 1) != 0 ? FASTLY_UNSUPPORTED : status);
}
