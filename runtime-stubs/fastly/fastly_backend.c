/* fastly_backend.c - what programs send to backends: names that the operator gives to servers, of which the broker
 * knows that they are allowed. The request is written anew, as the response to the client is, and its body goes on
 * while the program waits for the response, or asks whether it is there.
 */
#include <stdio.h>

#include "fastly.h"
#include "http_handler/http_lines.h"

enum { kNoHandle = -2 };
enum { kDetail = 16 /* bytes of Fastly's detail of an error, of which the first four say which */ };

static const struct aotc_fastly_backend* find(const struct fastly* f, const char* name, uint32_t size) {
  for (size_t i = 0; i < f->options->backend_count; ++i) {
    const struct aotc_fastly_backend* backend = &f->options->backends[i];
    if (strlen(backend->name) == size && memcmp(backend->name, name, size) == 0) return backend;
  }
  return NULL;
}

/* --- the request ----------------------------------------------------------------------------------------------------
 */

/* What an absolute URI consists of: whom it is asked of, and what. */
static void split(const struct aotc_text* uri, struct aotc_text* authority, struct aotc_text* target) {
  const char *at = uri->bytes, *end = uri->bytes + uri->size;
  const char* hash = uri->size == 0 ? NULL : memchr(at, '#', uri->size);
  if (hash != NULL) end = hash;
  *authority = (struct aotc_text){.bytes = (char*)(uintptr_t)at};
  if (at != end && *at != '/') {
    while (at + 2 < end && memcmp(at, "://", 3) != 0) ++at;
    at = at + 3 <= end ? at + 3 : end;
    authority->bytes = (char*)(uintptr_t)at;
    while (at != end && *at != '/' && *at != '?') ++at;
    authority->size = (size_t)(at - authority->bytes);
  }
  *target = (struct aotc_text){.bytes = (char*)(uintptr_t)at, .size = (size_t)(end - at)};
}

static bool say(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e, const char* bytes,
                size_t size) {
  return fastly_append(f, instance, &e->link.out, bytes, size);
}

static bool say_text(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e, const char* text) {
  return say(f, instance, e, text, strlen(text));
}

static bool write_head(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e,
                       const struct fastly_message* m, const struct aotc_fastly_backend* backend) {
  struct aotc_text authority, target, fields = {0};
  const char* host = NULL;
  size_t host_size = 0;
  char line[64];
  split(&m->uri, &authority, &target);
  if (!fastly_find_field(&m->fields, "host", &host, &host_size) && authority.size > 0) {
    host = authority.bytes;
    host_size = authority.size;
  }
  const char* at = host == NULL ? NULL : memchr(host, '@', host_size);
  if (at != NULL) {
    host_size -= (size_t)(at + 1 - host);
    host = at + 1;
  }
  bool good =
      (m->method.size == 0 ? say(f, instance, e, "GET", 3) : say(f, instance, e, m->method.bytes, m->method.size)) &&
      say(f, instance, e, " ", 1) && (target.size > 0 && target.bytes[0] == '/' ? true : say(f, instance, e, "/", 1)) &&
      say(f, instance, e, target.bytes, target.size) && say_text(f, instance, e, " HTTP/1.1\r\nHost: ") &&
      (host != NULL ? say(f, instance, e, host, host_size) : say_text(f, instance, e, backend->host)) &&
      say_text(f, instance, e, "\r\n") && fastly_append(f, instance, &fields, m->fields.bytes, m->fields.size);
  if (fields.bytes != NULL) aotc_http_remove_lines(&fields, "host", 4);
  good = good && fastly_append_fields(f, instance, &e->link.out, &fields);
  fastly_free_text(f, &fields);
  line[0] = 0;
  if (e->sink.chunked)
    snprintf(line, sizeof line, "Transfer-Encoding: chunked\r\n");
  else if (e->sink.left > 0 || (m->method.size > 0 && m->method.bytes[0] == 'P'))
    snprintf(line, sizeof line, "Content-Length: %llu\r\n", (unsigned long long)e->sink.left);
  return good && say_text(f, instance, e, line) && say(f, instance, e, "\r\n", 2);
}

/* A request that is on its way; of the body the parts go with it, or the program goes on writing to it. */
static enum fastly_status begin(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots, bool streams,
                                struct fastly_exchange** exchange) {
  uint32_t size;
  struct fastly_entry* request = fastly_entry(f, FASTLY_REQUEST, fastly_arg(slots, 0));
  struct fastly_entry* body = fastly_entry(f, FASTLY_BODY, fastly_arg(slots, 1));
  const char* name = fastly_bytes(instance, slots, 2, &size);
  if (request == NULL || body == NULL || body->body->sink != NULL) return FASTLY_BADF;
  const struct aotc_fastly_backend* backend = name == NULL ? NULL : find(f, name, size);
  if (backend == NULL) return FASTLY_INVAL;
  struct fastly_exchange* e = fastly_exchange_open(f, instance, backend);
  if (e == NULL) return FASTLY_LIMITEXCEEDED;
  const struct fastly_message* m = request->message;
  e->is_head = aotc_http_same_name(m->method.bytes, m->method.size, "HEAD", 4);
  e->streams = streams;
  e->sink = (struct fastly_sink){.exchange = e, .open = true};
  const bool known = fastly_said_length(m, &e->sink.left) && m->manual_framing;
  if (!known) e->sink.left = 0;
  e->sink.chunked = !known && (streams || !fastly_body_length(f, body->body, &e->sink.left));
  if (!write_head(f, instance, e, m, backend)) {
    fastly_release(f, e);
    return FASTLY_LIMITEXCEEDED;
  }
  e->request = *body->body;
  *body->body = (struct fastly_body){0};
  fastly_drop(f, request);
  if (streams) {
    body->body->sink = &e->sink;
    ++e->users;
  } else {
    fastly_drop(f, body);
  }
  *exchange = e;
  const enum fastly_status status = fastly_send_request(f, instance, e);
  (void)status; /* who waits for the response will be told */
  return FASTLY_OK;
}

/* --- the response ---------------------------------------------------------------------------------------------------
 */

/* Whether it is there; moves all of it on. */
static enum fastly_status look(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e) {
  if (e->sink.open || e->request.first != NULL) {
    const enum fastly_status sent = fastly_send_request(f, instance, e);
    if (sent != FASTLY_OK && sent != FASTLY_WAIT && e->status == 0 && e->link.error == 0) return sent;
  }
  return fastly_exchange_head(f, instance, e);
}

static enum fastly_status hand_over(struct fastly* f, struct aotc_instance* instance, struct fastly_exchange* e,
                                    void* response_place, void* body_place) {
  const uint32_t response = fastly_new(f, instance, FASTLY_RESPONSE), body = fastly_new(f, instance, FASTLY_BODY);
  struct fastly_message* m = fastly_message(f, FASTLY_RESPONSE, response);
  struct fastly_entry* entry = fastly_entry(f, FASTLY_BODY, body);
  const struct aotc_text fields = fastly_head_fields(&e->in);
  if (m == NULL || entry == NULL || !fastly_append(f, instance, &m->fields, fields.bytes, fields.size) ||
      !fastly_add_part(f, instance, entry->body, FASTLY_BACKEND)) {
    fastly_forget(f, FASTLY_RESPONSE, response);
    fastly_forget(f, FASTLY_BODY, body);
    return FASTLY_LIMITEXCEEDED;
  }
  m->status = e->status;
  entry->body->first->exchange = e;
  ++e->users;
  fastly_put32(response_place, response);
  fastly_put32(body_place, body);
  return FASTLY_OK;
}

/* Of a call that waits for its response: arguments from `i` on are where the error's detail goes, if `detailed`, the
 * response, and its body. */
static enum fastly_status send_and_wait(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                        bool detailed) {
  const int i = detailed ? 5 : 4;
  void* detail = detailed ? fastly_place(instance, slots, 4, kDetail) : NULL;
  void *response = fastly_place(instance, slots, i, 4), *body = fastly_place(instance, slots, i + 1, 4);
  enum fastly_status status = FASTLY_OK;
  if ((detailed && detail == NULL) || response == NULL || body == NULL) return FASTLY_INVAL;
  if (f->awaited == NULL) status = begin(f, instance, slots, false, &f->awaited);
  if (status != FASTLY_OK) return status;
  struct fastly_exchange* e = f->awaited;
  status = look(f, instance, e);
  if (status == FASTLY_WAIT) return status;
  if (status == FASTLY_OK) status = hand_over(f, instance, e, response, body);
  if (detail != NULL) fastly_put32(detail, status == FASTLY_OK ? 1 : e->detail);
  f->awaited = NULL;
  fastly_release(f, e);
  return status;
}

enum aotc_status aotc_fastly_http_req_send(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, send_and_wait(host, instance, slots, false));
}
enum aotc_status aotc_fastly_http_req_send_v2(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, send_and_wait(host, instance, slots, true));
}
enum aotc_status aotc_fastly_http_req_send_v3(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, send_and_wait(host, instance, slots, true));
}

static enum fastly_status send_async(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                     bool streams, int i) {
  void* place = fastly_place(instance, slots, i, 4);
  struct fastly_exchange* e;
  if (place == NULL) return FASTLY_INVAL;
  const uint32_t handle = fastly_new(f, instance, FASTLY_PENDING);
  struct fastly_entry* entry = fastly_entry(f, FASTLY_PENDING, handle);
  if (entry == NULL) return FASTLY_LIMITEXCEEDED;
  const enum fastly_status status = begin(f, instance, slots, streams, &e);
  if (status == FASTLY_OK) {
    *entry->pending = e;
    fastly_put32(place, handle);
  } else {
    fastly_drop(f, entry);
  }
  return status;
}

enum aotc_status aotc_fastly_http_req_send_async(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, send_async(host, instance, slots, false, 4));
}
enum aotc_status aotc_fastly_http_req_send_async_streaming(struct aotc_instance* instance, void* host,
                                                           uint64_t* slots) {
  return fastly_finish(host, slots, send_async(host, instance, slots, true, 4));
}
enum aotc_status aotc_fastly_http_req_send_async_v2(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, send_async(host, instance, slots, fastly_arg(slots, 4) == 1, 5));
}

/* Of a handle of what is pending: the handle goes once the response, or its failure, is there. */
static enum fastly_status take(struct fastly* f, struct aotc_instance* instance, uint32_t handle, void* detail,
                               void* response, void* body) {
  struct fastly_entry* entry = fastly_entry(f, FASTLY_PENDING, handle);
  if (entry == NULL) return FASTLY_BADF;
  struct fastly_exchange* e = *entry->pending;
  enum fastly_status status = look(f, instance, e);
  if (status == FASTLY_WAIT) return status;
  if (status == FASTLY_OK) status = hand_over(f, instance, e, response, body);
  if (detail != NULL) fastly_put32(detail, status == FASTLY_OK ? 1 : e->detail);
  fastly_drop(f, fastly_entry(f, FASTLY_PENDING, handle));
  return status;
}

static enum fastly_status wait_pending(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                       bool detailed) {
  const int i = detailed ? 2 : 1;
  void* detail = detailed ? fastly_place(instance, slots, 1, kDetail) : NULL;
  void *response = fastly_place(instance, slots, i, 4), *body = fastly_place(instance, slots, i + 1, 4);
  if ((detailed && detail == NULL) || response == NULL || body == NULL) return FASTLY_INVAL;
  return take(f, instance, fastly_arg(slots, 0), detail, response, body);
}

static enum fastly_status poll_pending(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                       bool detailed) {
  const int i = detailed ? 2 : 1;
  void *detail = detailed ? fastly_place(instance, slots, 1, kDetail) : NULL,
       *done = fastly_place(instance, slots, i, 4);
  void *response = fastly_place(instance, slots, i + 1, 4), *body = fastly_place(instance, slots, i + 2, 4);
  if ((detailed && detail == NULL) || done == NULL || response == NULL || body == NULL) return FASTLY_INVAL;
  const enum fastly_status status = take(f, instance, fastly_arg(slots, 0), detail, response, body);
  if (status != FASTLY_OK && status != FASTLY_WAIT) return status;
  fastly_put32(done, status == FASTLY_OK);
  if (status == FASTLY_WAIT) {
    fastly_put32(response, (uint32_t)kNoHandle);
    fastly_put32(body, (uint32_t)kNoHandle);
  }
  return FASTLY_OK;
}

static enum fastly_status select_pending(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                         bool detailed) {
  const int i = detailed ? 3 : 2;
  const uint32_t count = fastly_arg(slots, 1);
  const char* handles = fastly_place(instance, slots, 0, (uint64_t)count * 4);
  void *detail = detailed ? fastly_place(instance, slots, 2, kDetail) : NULL,
       *done = fastly_place(instance, slots, i, 4);
  void *response = fastly_place(instance, slots, i + 1, 4), *body = fastly_place(instance, slots, i + 2, 4);
  if (handles == NULL || (detailed && detail == NULL) || done == NULL || response == NULL || body == NULL ||
      count == 0 || count > FASTLY_MOST_HANDLES)
    return FASTLY_INVAL;
  for (uint32_t k = 0; k < count; ++k) {
    uint32_t handle;
    memcpy(&handle, handles + (size_t)k * 4, 4);
    const enum fastly_status status = take(f, instance, handle, detail, response, body);
    if (status == FASTLY_WAIT) continue;
    if (status != FASTLY_BADF) fastly_put32(done, k);
    return status;
  }
  return FASTLY_WAIT;
}

enum aotc_status aotc_fastly_http_req_pending_req_wait(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, wait_pending(host, instance, slots, false));
}
enum aotc_status aotc_fastly_http_req_pending_req_wait_v2(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, wait_pending(host, instance, slots, true));
}
enum aotc_status aotc_fastly_http_req_pending_req_poll(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, poll_pending(host, instance, slots, false));
}
enum aotc_status aotc_fastly_http_req_pending_req_poll_v2(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, poll_pending(host, instance, slots, true));
}
enum aotc_status aotc_fastly_http_req_pending_req_select(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, select_pending(host, instance, slots, false));
}
enum aotc_status aotc_fastly_http_req_pending_req_select_v2(struct aotc_instance* instance, void* host,
                                                            uint64_t* slots) {
  return fastly_finish(host, slots, select_pending(host, instance, slots, true));
}

/* --- what is known of backends --------------------------------------------------------------------------------------
 */

enum aotc_status aotc_fastly_backend_exists(struct aotc_instance* instance, void* host, uint64_t* slots) {
  uint32_t size;
  const char* name = fastly_bytes(instance, slots, 0, &size);
  void* place = fastly_place(instance, slots, 2, 4);
  if (name == NULL || place == NULL) return fastly_finish(host, slots, FASTLY_INVAL);
  fastly_put32(place, find(host, name, size) != NULL);
  return fastly_finish(host, slots, FASTLY_OK);
}

/* The backend, and where a number of `bytes` bytes goes. */
static const struct aotc_fastly_backend* asked(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                               size_t bytes, void** place) {
  uint32_t size;
  const char* name = fastly_bytes(instance, slots, 0, &size);
  *place = fastly_place(instance, slots, 2, bytes);
  return name == NULL || *place == NULL ? NULL : find(f, name, size);
}

static enum aotc_status give_flag(struct fastly* f, uint64_t* slots, const struct aotc_fastly_backend* backend,
                                  void* place, bool flag) {
  if (backend != NULL) fastly_put32(place, flag);
  return fastly_finish(f, slots, backend == NULL ? FASTLY_INVAL : FASTLY_OK);
}

/* Nobody looks at their health. */
enum aotc_status aotc_fastly_backend_is_healthy(struct aotc_instance* instance, void* host, uint64_t* slots) {
  void* place;
  const struct aotc_fastly_backend* backend = asked(host, instance, slots, 4, &place);
  return give_flag(host, slots, backend, place, false);
}

enum aotc_status aotc_fastly_backend_is_dynamic(struct aotc_instance* instance, void* host, uint64_t* slots) {
  void* place;
  const struct aotc_fastly_backend* backend = asked(host, instance, slots, 4, &place);
  return give_flag(host, slots, backend, place, false);
}

enum aotc_status aotc_fastly_backend_is_ssl(struct aotc_instance* instance, void* host, uint64_t* slots) {
  void* place;
  const struct aotc_fastly_backend* backend = asked(host, instance, slots, 4, &place);
  return give_flag(host, slots, backend, place, backend != NULL && backend->tls);
}

enum aotc_status aotc_fastly_backend_get_port(struct aotc_instance* instance, void* host, uint64_t* slots) {
  void* place;
  const struct aotc_fastly_backend* backend = asked(host, instance, slots, 2, &place);
  if (backend != NULL) memcpy(place, &backend->port, 2);
  return fastly_finish(host, slots, backend == NULL ? FASTLY_INVAL : FASTLY_OK);
}

enum aotc_status aotc_fastly_backend_get_host(struct aotc_instance* instance, void* host, uint64_t* slots) {
  uint32_t size;
  const char* name = fastly_bytes(instance, slots, 0, &size);
  const struct aotc_fastly_backend* backend = name == NULL ? NULL : find(host, name, size);
  return fastly_finish(
      host, slots,
      backend == NULL ? FASTLY_INVAL : fastly_give(instance, slots, 2, backend->host, strlen(backend->host)));
}

enum aotc_status aotc_fastly_backend_get_override_host(struct aotc_instance* instance, void* host, uint64_t* slots) {
  uint32_t size;
  const char* name = fastly_bytes(instance, slots, 0, &size);
  return fastly_finish(host, slots, name == NULL || find(host, name, size) == NULL ? FASTLY_INVAL : FASTLY_NONE);
}
