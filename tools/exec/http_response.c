/* http_response.c - see http_response.h. Reads the bytes from their beginning each time, so there is no state to keep.
 */
#define _GNU_SOURCE
#include "http_response.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const size_t kNone = SIZE_MAX;

/* Where the line that starts at `at` ends, its line feed included. */
static size_t line_end(const char* bytes, size_t size, size_t at) {
  const char* feed = at < size ? memchr(bytes + at, '\n', size - at) : NULL;
  return feed == NULL ? kNone : (size_t)(feed - bytes) + 1;
}

/* Whether the line [at, end) is the field `name`; then its value. */
static bool field(const char* bytes, size_t at, size_t end, const char* name, const char** value, size_t* length) {
  size_t n = strlen(name);
  if (end - at <= n || strncasecmp(bytes + at, name, n) != 0 || bytes[at + n] != ':') return false;
  at += n + 1;
  while (at < end && (bytes[at] == ' ' || bytes[at] == '\t')) ++at;
  while (end > at && isspace((unsigned char)bytes[end - 1])) --end;
  *value = bytes + at;
  *length = end - at;
  return true;
}

static bool number(const char* text, size_t length, unsigned base, size_t* out) {
  *out = 0;
  for (size_t i = 0; i < length; ++i) {
    int c = tolower((unsigned char)text[i]);
    unsigned digit = isdigit(c) ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
    if (digit >= base || *out > (SIZE_MAX >> 8)) return false;
    *out = *out * base + digit;
  }
  return length > 0;
}

/* The end of the chunks that start at `at`. */
static enum http_state read_chunks(const char* bytes, size_t size, size_t at, size_t* out) {
  for (;;) {
    size_t end = line_end(bytes, size, at), length = 0, chunk;
    if (end == kNone) return HTTP_INCOMPLETE;
    while (at + length < end && isxdigit((unsigned char)bytes[at + length])) ++length;
    if (!number(bytes + at, length, 16, &chunk)) return HTTP_BAD;
    at = end;
    if (chunk == 0) break;
    if (size - at < 2 || size - at - 2 < chunk) return HTTP_INCOMPLETE;
    at += chunk + 2;
  }
  for (size_t end; (end = line_end(bytes, size, at)) != kNone; at = end)
    if (end - at <= 2) {
      *out = end;
      return HTTP_COMPLETE;
    }
  return HTTP_INCOMPLETE;
}

/* The end of the body that starts at `at`, as the head [start, at) announces it. */
static enum http_state read_body(const char* bytes, size_t size, bool closed, size_t start, size_t at, size_t* out) {
  for (size_t line = start, end; line < at; line = end) {
    const char* value;
    size_t length;
    end = line_end(bytes, at, line);
    if (field(bytes, line, end, "transfer-encoding", &value, &length))
      return length == 7 && strncasecmp(value, "chunked", 7) == 0 ? read_chunks(bytes, size, at, out) : HTTP_BAD;
    if (!field(bytes, line, end, "content-length", &value, &length)) continue;
    if (!number(value, length, 10, out)) return HTTP_BAD;
    if (size - at < *out) return HTTP_INCOMPLETE;
    *out += at;
    return HTTP_COMPLETE;
  }
  *out = size;
  return closed ? HTTP_COMPLETE : HTTP_INCOMPLETE;
}

static enum http_state read_head(const char* bytes, size_t size, size_t at, int* status, size_t* out) {
  size_t first = line_end(bytes, size, at), code;
  if (first == kNone) return HTTP_INCOMPLETE;
  if (first - at < 14 || memcmp(bytes + at, "HTTP/1.", 7) != 0 || bytes[at + 8] != ' ' ||
      !number(bytes + at + 9, 3, 10, &code))
    return HTTP_BAD;
  *status = (int)code;
  for (size_t end; (end = line_end(bytes, size, first)) != kNone; first = end)
    if (end - first <= 2) {
      *out = end;
      return HTTP_COMPLETE;
    }
  return HTTP_INCOMPLETE;
}

enum http_state http_read_response(const char* bytes, size_t size, bool closed, bool head, int* status, size_t* end) {
  size_t start = 0, body = 0;
  enum http_state state;
  do {
    start = body;
    state = read_head(bytes, size, start, status, &body);
  } while (state == HTTP_COMPLETE && *status < 200 && *status != 101);
  if (state == HTTP_COMPLETE && *status == 101) state = HTTP_BAD;
  *end = body;
  if (state == HTTP_COMPLETE && !head && *status != 204 && *status != 304)
    state = read_body(bytes, size, closed, start, body, end);
  return state == HTTP_INCOMPLETE && closed ? HTTP_BAD : state;
}
