/* http_message.c - the first line of request and response, and whose the request is. */
#include "http_handler.h"

static enum aotc_status give(struct aotc_instance* instance, uint64_t* slots, const struct aotc_text* text) {
  return aotc_http_give(instance, slots, 0, text->bytes, text->size);
}

static enum aotc_status replace(struct aotc_instance* instance, struct http_handler* h, struct aotc_text* text,
                                const char* bytes, size_t size) {
  text->size = 0;
  return aotc_http_grow(instance, h, text, bytes, size) ? AOTC_OK : AOTC_TRAPPED;
}

enum aotc_status aotc_http_get_method(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return give(instance, slots, &((struct http_handler*)host)->exchange.method);
}

enum aotc_status aotc_http_set_method(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct http_handler* h = host;
  uint32_t size = arg32(slots, 1);
  const char* method = aotc_http_memory(instance, arg32(slots, 0), size);
  if (method == NULL) return AOTC_TRAPPED;
  if (h->exchange.phase != AOTC_HTTP_REQUEST)
    return aotc_http_refuse(instance, h, "set_method", "there is no request that could still be changed");
  if (!aotc_http_is_token(method, size) || (size == 7 && memcmp(method, "CONNECT", 7) == 0))
    return aotc_http_refuse(instance, h, "set_method", "not a method");
  return replace(instance, h, &h->exchange.method, method, size);
}

enum aotc_status aotc_http_get_uri(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return give(instance, slots, &((struct http_handler*)host)->exchange.uri);
}

/* A path, with what may be behind it; nothing that could be the end of the request's line. */
static bool is_uri(const char* uri, size_t size) {
  if (uri[0] != '/') return size == 1 && uri[0] == '*';
  for (size_t i = 0; i < size; ++i)
    if ((unsigned char)uri[i] <= ' ' || uri[i] == '#' || uri[i] == 0x7f) return false;
  return true;
}

enum aotc_status aotc_http_set_uri(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct http_handler* h = host;
  uint32_t size = arg32(slots, 1);
  const char* uri = aotc_http_memory(instance, arg32(slots, 0), size);
  if (uri == NULL) return AOTC_TRAPPED;
  if (h->exchange.phase != AOTC_HTTP_REQUEST)
    return aotc_http_refuse(instance, h, "set_uri", "there is no request that could still be changed");
  if (size == 0) return replace(instance, h, &h->exchange.uri, "/", 1);
  if (!is_uri(uri, size)) return aotc_http_refuse(instance, h, "set_uri", "not a path");
  return replace(instance, h, &h->exchange.uri, uri, size);
}

enum aotc_status aotc_http_get_protocol_version(struct aotc_instance* instance, void* host, uint64_t* slots) {
  const char* version = ((struct http_handler*)host)->exchange.version;
  return aotc_http_give(instance, slots, 0, version, strlen(version));
}

enum aotc_status aotc_http_get_source_addr(struct aotc_instance* instance, void* host, uint64_t* slots) {
  const char* source = ((struct http_handler*)host)->exchange.source;
  return aotc_http_give(instance, slots, 0, source, strlen(source));
}

enum aotc_status aotc_http_get_status_code(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct http_handler* h = host;
  if (h->exchange.phase == AOTC_HTTP_SET_UP)
    return aotc_http_refuse(instance, h, "get_status_code", "there is no response");
  slots[0] = h->exchange.status == 0 ? 200 : h->exchange.status;
  return AOTC_OK;
}

enum aotc_status aotc_http_set_status_code(struct aotc_instance* instance, void* host, uint64_t* slots) {
  struct http_handler* h = host;
  uint32_t status = arg32(slots, 0);
  if (h->exchange.phase == AOTC_HTTP_SET_UP || !may_change_response(h))
    return aotc_http_refuse(instance, h, "set_status_code", "there is no response that could still be changed");
  if (status < 200 || status > 999) return aotc_http_refuse(instance, h, "set_status_code", "not a final status");
  h->exchange.status = status;
  return AOTC_OK;
}
