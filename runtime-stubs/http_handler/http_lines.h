/* http_lines.h - fields of a message of HTTP: lines in a text, "name: value\r\n" each. There are few of them, so
 * finding one is going through all; who sends many makes nobody go through all for each of them.
 */
#ifndef AOTC_HTTP_LINES_H
#define AOTC_HTTP_LINES_H

#include <string.h>

#include "aotc/http_handler.h"

struct aotc_http_line {
  const char *name, *value;
  size_t name_size, value_size;
  size_t start, end; /* in its text */
};

/* The next line at or after `at`. */
bool aotc_http_next_line(const struct aotc_text* text, size_t at, struct aotc_http_line* line);
bool aotc_http_same_name(const char* a, size_t a_size, const char* b, size_t b_size);
struct aotc_http_name {
  const char* bytes;
  size_t size;
};
/* The names, each once, in the order in which they first came: an array, which the caller frees. Null: the instance may
 * not have as much memory as that takes. */
struct aotc_http_name* aotc_http_names(struct aotc_instance* instance, const struct aotc_text* text, size_t* count);
void aotc_http_remove_lines(struct aotc_text* text, const char* name, size_t size);
/* Whether it can be a field's: nothing in it ends a line. */
bool aotc_http_is_value(const char* value, size_t size);
/* Whether it may be a name of a field or a method. */
bool aotc_http_is_token(const char* text, size_t size);

static inline char aotc_http_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

#endif
