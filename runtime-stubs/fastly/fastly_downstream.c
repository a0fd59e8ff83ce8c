/* fastly_downstream.c - the client's request, what is known of the client, and the response. The request comes by the
 * connection as the front has written it, and the response goes there, with one framing, which the front reads.
 *
 * A program has one request. Whoever asks for the next one hears that there is none.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "fastly.h"
#include "http_handler/http_lines.h"

/* --- the request ---------------------------------------------------------------------------------------------------
 */

static enum fastly_status read_head(struct fastly* f, struct aotc_instance* instance) {
  struct aotc_connection* c = f->connection;
  size_t used;
  const bool whole = fastly_read_head(f, instance, &f->in, c->in + c->in_at, c->in_size - c->in_at, &used);
  c->in_at += used;
  if (whole) return FASTLY_OK;
  if (f->in.state == FASTLY_READS_NONSENSE) return FASTLY_LIMITEXCEEDED;
  return c->in_closed ? FASTLY_HTTPINCOMPLETE : FASTLY_WAIT;
}

/* A word of the request's line, which moves on behind it. */
static struct aotc_text take_word(struct aotc_text* line) {
  const char* end = line->size == 0 ? NULL : memchr(line->bytes, ' ', line->size);
  const size_t size = end == NULL ? line->size : (size_t)(end - line->bytes);
  const struct aotc_text word = {.bytes = line->bytes, .size = size};
  const size_t skipped = end == NULL ? size : size + 1;
  line->bytes += skipped;
  line->size -= skipped;
  return word;
}

static bool starts(const struct aotc_text* text, const char* with) {
  return text->size >= strlen(with) && memcmp(text->bytes, with, strlen(with)) == 0;
}

/* Programs know absolute URIs only. */
static bool make_uri(struct fastly* f, struct aotc_instance* instance, struct aotc_text* uri,
                     const struct aotc_text* target, const struct aotc_text* fields) {
  const char *host = "", *scheme = "http";
  size_t host_size = 0, scheme_size = 4;
  if (!starts(target, "/")) return fastly_append(f, instance, uri, target->bytes, target->size);
  fastly_find_field(fields, "host", &host, &host_size);
  fastly_find_field(fields, "x-forwarded-proto", &scheme, &scheme_size);
  const bool tls = aotc_http_same_name(scheme, scheme_size, "https", 5);
  return fastly_append(f, instance, uri, tls ? "https://" : "http://", tls ? 8 : 7) &&
         fastly_append(f, instance, uri, host, host_size) &&
         fastly_append(f, instance, uri, target->bytes, target->size);
}

/* The client's request and its body, in handles that are new. */
static enum fastly_status fill(struct fastly* f, struct aotc_instance* instance, uint32_t request, uint32_t body) {
  struct fastly_message* m = fastly_message(f, FASTLY_REQUEST, request);
  struct fastly_entry* entry = fastly_entry(f, FASTLY_BODY, body);
  if (m == NULL || entry == NULL) return FASTLY_LIMITEXCEEDED;
  const struct aotc_text fields = fastly_head_fields(&f->in);
  struct aotc_text line = fastly_head_line(&f->in);
  const struct aotc_text method = take_word(&line), target = take_word(&line);
  const char* expectation;
  size_t size;
  if (!fastly_append(f, instance, &m->method, method.bytes, method.size) ||
      !make_uri(f, instance, &m->uri, &target, &fields) ||
      !fastly_append(f, instance, &m->fields, fields.bytes, fields.size) ||
      !fastly_add_part(f, instance, entry->body, FASTLY_CLIENT))
    return FASTLY_LIMITEXCEEDED;
  f->is_head = aotc_http_same_name(method.bytes, method.size, "HEAD", 4);
  f->expects = fastly_find_field(&fields, "expect", &expectation, &size);
  fastly_begin_body(&f->in, false);
  f->request = request;
  return FASTLY_OK;
}

static enum fastly_status hand_over(struct fastly* f, struct aotc_instance* instance, void* request_place,
                                    void* body_place) {
  const uint32_t request = fastly_new(f, instance, FASTLY_REQUEST), body = fastly_new(f, instance, FASTLY_BODY);
  const enum fastly_status status = fill(f, instance, request, body);
  if (status != FASTLY_OK) {
    fastly_forget(f, FASTLY_REQUEST, request);
    fastly_forget(f, FASTLY_BODY, body);
    return status;
  }
  fastly_put32(request_place, request);
  fastly_put32(body_place, body);
  return FASTLY_OK;
}

static enum fastly_status ask(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots, int i) {
  void *request = fastly_place(instance, slots, i, 4), *body = fastly_place(instance, slots, i + 1, 4);
  if (request == NULL || body == NULL) return FASTLY_INVAL;
  if (f->asked) return FASTLY_NONE;
  f->connection->accepted = true;
  enum fastly_status status = read_head(f, instance);
  if (status == FASTLY_WAIT) return status;
  f->asked = true;
  return status == FASTLY_OK ? hand_over(f, instance, request, body) : status;
}

enum aotc_status aotc_fastly_http_req_body_downstream_get(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, ask(host, instance, slots, 0));
}

enum aotc_status aotc_fastly_http_downstream_next_request(struct aotc_instance* instance, void* host, uint64_t* slots) {
  void* place = fastly_place(instance, slots, 2, 4);
  if (place != NULL) fastly_put32(place, FASTLY_PROMISE);
  return fastly_finish(host, slots, place == NULL ? FASTLY_INVAL : FASTLY_OK);
}

enum aotc_status aotc_fastly_http_downstream_next_request_wait(struct aotc_instance* instance, void* host,
                                                               uint64_t* slots) {
  const bool promised = fastly_arg(slots, 0) == FASTLY_PROMISE;
  return fastly_finish(host, slots, promised ? ask(host, instance, slots, 1) : FASTLY_BADF);
}

enum aotc_status aotc_fastly_http_downstream_next_request_abandon(struct aotc_instance* instance, void* host,
                                                                  uint64_t* slots) {
  (void)instance;
  return fastly_finish(host, slots, fastly_arg(slots, 0) == FASTLY_PROMISE ? FASTLY_OK : FASTLY_BADF);
}

/* --- what is known of the client -----------------------------------------------------------------------------------
 */

/* Functions of the older module are about the request that there is; those of the other one are told which. */
#define BOTH(name, call)                                                                                             \
  enum aotc_status aotc_fastly_http_req_##name(struct aotc_instance* instance, void* host, uint64_t* slots) {        \
    struct fastly* f = host;                                                                                         \
    const int at = 0;                                                                                                \
    return fastly_finish(f, slots, f->asked ? call : FASTLY_ERROR);                                                  \
  }                                                                                                                  \
  enum aotc_status aotc_fastly_http_downstream_##name(struct aotc_instance* instance, void* host, uint64_t* slots) { \
    struct fastly* f = host;                                                                                         \
    const int at = 1;                                                                                                \
    return fastly_finish(f, slots, f->asked && fastly_arg(slots, 0) == f->request ? call : FASTLY_BADF);             \
  }

/* 4 or 16 bytes. */
static enum fastly_status give_address(struct aotc_instance* instance, const uint64_t* slots, int at,
                                       const uint8_t address[16]) {
  static const uint8_t kIpv4[12] = {[10] = 0xff, [11] = 0xff};
  const bool v4 = memcmp(address, kIpv4, sizeof kIpv4) == 0;
  const uint32_t size = v4 ? 4 : 16;
  void *to = fastly_place(instance, slots, at, size), *fill = fastly_place(instance, slots, at + 1, 4);
  if (to == NULL || fill == NULL) return FASTLY_INVAL;
  memcpy(to, v4 ? address + 12 : address, size);
  fastly_put32(fill, size);
  return FASTLY_OK;
}

void fastly_client_address(const struct fastly* f, uint8_t address[16]) {
  static const uint8_t kIpv4[12] = {[10] = 0xff, [11] = 0xff};
  const struct aotc_peer* asker = aotc_wasi_asker(f->wasi);
  char text[sizeof asker->client + 1] = {0};
  memcpy(text, asker->client, sizeof asker->client);
  memcpy(address, kIpv4, sizeof kIpv4);
  if (inet_pton(AF_INET, text, address + 12) != 1 && inet_pton(AF_INET6, text, address) != 1)
    memcpy(address, asker->address, 16);
}

static enum fastly_status give_client(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots, int at) {
  uint8_t address[16];
  fastly_client_address(f, address);
  return give_address(instance, slots, at, address);
}

/* A program is not told where it is. */
static enum fastly_status give_server(struct aotc_instance* instance, const uint64_t* slots, int at) {
  static const uint8_t kNowhere[16] = {[10] = 0xff, [11] = 0xff};
  return give_address(instance, slots, at, kNowhere);
}

static enum fastly_status give_number(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots, int at) {
  char text[33];
  snprintf(text, sizeof text, "%032llx", (unsigned long long)aotc_wasi_asker(f->wasi)->request);
  return fastly_give(instance, slots, at, text, 32);
}

/* TLS is the front's, which tells nothing about it. Programs ask where the URI's scheme is https, and give up where
 * they are refused: so there it is nothing, without an error. */
static bool is_tls(struct fastly* f) {
  const struct fastly_message* m = fastly_message(f, FASTLY_REQUEST, f->request);
  return m != NULL && starts(&m->uri, "https:");
}

static enum fastly_status give_tls(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots, int at) {
  return is_tls(f) ? fastly_give(instance, slots, at, "", 0) : FASTLY_NONE;
}

static enum fastly_status give_fingerprint(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                           int at) {
  void* fill = fastly_place(instance, slots, at + 1, 4);
  if (fill == NULL) return FASTLY_INVAL;
  if (!is_tls(f)) return FASTLY_NONE;
  fastly_put32(fill, 0);
  return FASTLY_OK;
}

BOTH(downstream_client_ip_addr, give_client(f, instance, slots, at))
BOTH(downstream_server_ip_addr, give_server(instance, slots, at))
BOTH(downstream_client_request_id, give_number(f, instance, slots, at))
BOTH(downstream_tls_protocol, give_tls(f, instance, slots, at))
BOTH(downstream_tls_cipher_openssl_name, give_tls(f, instance, slots, at))
BOTH(downstream_tls_client_hello, give_tls(f, instance, slots, at))
BOTH(downstream_tls_ja3_md5, give_fingerprint(f, instance, slots, at))
#undef BOTH

/* Fields as they came, whatever the program has done since. */
static enum fastly_status original_names(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                         int at) {
  const struct aotc_text fields = fastly_head_fields(&f->in);
  return fastly_give_list(instance, slots, at, &fields, NULL, 0);
}

static enum fastly_status original_count(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots,
                                         int at) {
  const struct aotc_text fields = fastly_head_fields(&f->in);
  struct aotc_http_line line;
  uint32_t count = 0;
  for (size_t next = 0; aotc_http_next_line(&fields, next, &line); next = line.end) ++count;
  void* place = fastly_place(instance, slots, at, 4);
  if (place == NULL) return FASTLY_INVAL;
  fastly_put32(place, count);
  return FASTLY_OK;
}

enum aotc_status aotc_fastly_http_req_original_header_names_get(struct aotc_instance* instance, void* host,
                                                                uint64_t* slots) {
  struct fastly* f = host;
  return fastly_finish(f, slots, f->request == 0 ? FASTLY_ERROR : original_names(f, instance, slots, 0));
}

enum aotc_status aotc_fastly_http_req_original_header_count(struct aotc_instance* instance, void* host,
                                                            uint64_t* slots) {
  struct fastly* f = host;
  return fastly_finish(f, slots, f->request == 0 ? FASTLY_ERROR : original_count(f, instance, slots, 0));
}

enum aotc_status aotc_fastly_http_downstream_downstream_original_header_names(struct aotc_instance* instance,
                                                                              void* host, uint64_t* slots) {
  struct fastly* f = host;
  const bool known = f->request != 0 && fastly_arg(slots, 0) == f->request;
  return fastly_finish(f, slots, known ? original_names(f, instance, slots, 1) : FASTLY_BADF);
}

enum aotc_status aotc_fastly_http_downstream_downstream_original_header_count(struct aotc_instance* instance,
                                                                              void* host, uint64_t* slots) {
  struct fastly* f = host;
  const bool known = f->request != 0 && fastly_arg(slots, 0) == f->request;
  return fastly_finish(f, slots, known ? original_count(f, instance, slots, 1) : FASTLY_BADF);
}

/* --- the response --------------------------------------------------------------------------------------------------
 */

/* How the body is framed. */
static struct fastly_sink frame(const struct fastly* f, const struct fastly_message* m, const struct fastly_body* body,
                                bool streams) {
  struct fastly_sink sink = {.open = true};
  sink.drops = f->is_head || m->status == 204 || m->status == 304;
  const bool known =
      (m->manual_framing && fastly_said_length(m, &sink.left)) || (!streams && fastly_body_length(f, body, &sink.left));
  sink.chunked = !known;
  return sink;
}

static bool write_head(struct fastly* f, struct aotc_instance* instance, const struct fastly_message* m,
                       const struct fastly_sink* sink) {
  char line[64];
  struct aotc_text* head = &f->out_head;
  uint64_t length = sink->left;
  const bool said = !sink->drops ? !sink->chunked : fastly_said_length(m, &length) && m->status != 204;
  head->size = 0;
  int size = snprintf(line, sizeof line, "HTTP/1.1 %u \r\n", m->status);
  if (!fastly_append(f, instance, head, line, (size_t)size) || !fastly_append_fields(f, instance, head, &m->fields))
    return false;
  size = said ? snprintf(line, sizeof line, "Content-Length: %llu\r\n\r\n", (unsigned long long)length)
              : snprintf(line, sizeof line, "%s\r\n", sink->drops ? "" : "Transfer-Encoding: chunked\r\n");
  return fastly_append(f, instance, head, line, (size_t)size);
}

/* What a response of its own kind is before the final one: 103. */
static enum fastly_status send_interim(struct fastly* f, struct aotc_instance* instance, struct fastly_entry* entry) {
  struct aotc_text* head = &f->out_head;
  head->size = 0;
  if (entry->message->status != 103) return FASTLY_INVAL;
  if (!fastly_append(f, instance, head, "HTTP/1.1 103 Early Hints\r\n", 26) ||
      !fastly_append_fields(f, instance, head, &entry->message->fields) || !fastly_append(f, instance, head, "\r\n", 2))
    return FASTLY_LIMITEXCEEDED;
  if (head->size > f->connection->out_limit) return FASTLY_HTTPHEADTOOLARGE;
  if (!aotc_connection_append(f->connection, head->bytes, head->size)) return FASTLY_WAIT;
  fastly_drop(f, entry);
  return FASTLY_OK;
}

static enum fastly_status begin(struct fastly* f, struct aotc_instance* instance, uint32_t response, uint32_t handle,
                                bool streams) {
  struct fastly_entry *entry = fastly_entry(f, FASTLY_RESPONSE, response), *body = fastly_entry(f, FASTLY_BODY, handle);
  if (entry == NULL || body == NULL || body->body->sink != NULL) return FASTLY_BADF;
  if (f->answered || f->request == 0) return FASTLY_ERROR;
  if (entry->message->status < 200) return send_interim(f, instance, entry);
  const struct fastly_sink sink = frame(f, entry->message, body->body, streams);
  if (!write_head(f, instance, entry->message, &sink)) return FASTLY_LIMITEXCEEDED;
  if (f->out_head.size > f->connection->out_limit) return FASTLY_HTTPHEADTOOLARGE;
  if (!aotc_connection_append(f->connection, f->out_head.bytes, f->out_head.size)) return FASTLY_WAIT;
  f->out = sink;
  f->answered = true;
  f->unfinished = handle;
  fastly_drop(f, entry);
  return FASTLY_OK;
}

/* Until all parts of the body are on their way; from then on it streams, or is over. */
static enum fastly_status send_response(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots) {
  const uint32_t handle = f->unfinished != 0 ? f->unfinished : fastly_arg(slots, 1);
  const bool streams = fastly_arg(slots, 2) != 0;
  enum fastly_status status = FASTLY_OK;
  if (f->unfinished == 0) status = begin(f, instance, fastly_arg(slots, 0), handle, streams);
  struct fastly_entry* entry = fastly_entry(f, FASTLY_BODY, handle);
  if (status != FASTLY_OK || f->unfinished == 0) return status;
  if (entry == NULL || entry->body->sink != NULL) {
    f->unfinished = 0;
    f->connection->out_closed = true;
    return FASTLY_BADF;
  }
  status = fastly_pump(f, instance, entry->body, &f->out);
  if (status == FASTLY_OK && !streams) status = fastly_end_sink(f, instance, &f->out, &entry->body->trailers);
  if (status == FASTLY_WAIT) return status;
  f->unfinished = 0;
  if (status != FASTLY_OK) f->connection->out_closed = true;
  if (streams && status == FASTLY_OK)
    entry->body->sink = &f->out;
  else
    fastly_drop(f, entry);
  return status;
}

enum aotc_status aotc_fastly_http_resp_send_downstream(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, send_response(host, instance, slots));
}
