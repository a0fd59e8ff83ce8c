/* http_lines.c - see http_lines.h.
 */
#include "http_lines.h"

#include <stdlib.h>

bool aotc_http_next_line(const struct aotc_text* text, size_t at, struct aotc_http_line* line) {
  if (at >= text->size) return false;
  const char* start = text->bytes + at;
  const char* end = memchr(start, '\n', text->size - at);
  const char* last = end == NULL ? text->bytes + text->size : end > start && end[-1] == '\r' ? end - 1 : end;
  const char* colon = memchr(start, ':', (size_t)(last - start));
  const char* value = colon == NULL ? last : colon + 1;
  while (value < last && (*value == ' ' || *value == '\t')) ++value;
  while (last > value && (last[-1] == ' ' || last[-1] == '\t')) --last;
  line->name = start;
  line->name_size = (size_t)((colon == NULL ? last : colon) - start);
  line->value = value;
  line->value_size = (size_t)(last - value);
  line->start = at;
  line->end = end == NULL ? text->size : (size_t)(end + 1 - text->bytes);
  return true;
}

bool aotc_http_same_name(const char* a, size_t a_size, const char* b, size_t b_size) {
  if (a_size != b_size) return false;
  for (size_t i = 0; i < a_size; ++i)
    if (aotc_http_lower(a[i]) != aotc_http_lower(b[i])) return false;
  return true;
}

static int by_place(const void* a, const void* b) {
  const struct aotc_http_name *one = a, *other = b;
  return one->bytes < other->bytes ? -1 : one->bytes > other->bytes;
}

/* Those that are the same: by place. */
static int by_name(const void* a, const void* b) {
  const struct aotc_http_name *one = a, *other = b;
  if (one->size != other->size) return one->size < other->size ? -1 : 1;
  for (size_t i = 0; i < one->size; ++i) {
    const int difference = aotc_http_lower(one->bytes[i]) - aotc_http_lower(other->bytes[i]);
    if (difference != 0) return difference;
  }
  return by_place(a, b);
}

struct aotc_http_name* aotc_http_names(struct aotc_instance* instance, const struct aotc_text* text, size_t* count) {
  struct aotc_http_line line;
  size_t lines = 0;
  for (size_t at = 0; aotc_http_next_line(text, at, &line); at = line.end) ++lines;
  /* Sorting takes as much again. */
  if (!aotc_instance_may_grow(instance, 2 * (lines + 1) * sizeof(struct aotc_http_name))) return NULL;
  struct aotc_http_name* names = malloc((lines + 1) * sizeof(*names));
  if (names == NULL) return NULL;
  lines = 0;
  for (size_t at = 0; aotc_http_next_line(text, at, &line); at = line.end)
    names[lines++] = (struct aotc_http_name){line.name, line.name_size};
  qsort(names, lines, sizeof(*names), by_name);
  *count = 0;
  for (size_t i = 0; i < lines; ++i)
    if (*count == 0 ||
        !aotc_http_same_name(names[*count - 1].bytes, names[*count - 1].size, names[i].bytes, names[i].size))
      names[(*count)++] = names[i];
  qsort(names, *count, sizeof(*names), by_place);
  return names;
}

void aotc_http_remove_lines(struct aotc_text* text, const char* name, size_t size) {
  struct aotc_http_line line;
  size_t to = 0;
  for (size_t at = 0; aotc_http_next_line(text, at, &line); at = line.end) {
    if (aotc_http_same_name(line.name, line.name_size, name, size)) continue;
    memmove(text->bytes + to, text->bytes + line.start, line.end - line.start);
    to += line.end - line.start;
  }
  text->size = to;
}

bool aotc_http_is_value(const char* value, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    unsigned char c = (unsigned char)value[i];
    if ((c < ' ' && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

bool aotc_http_is_token(const char* text, size_t size) {
  static const char kSigns[] = "!#$%&'*+-.^_`|~";
  for (size_t i = 0; i < size; ++i) {
    char c = text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && memchr(kSigns, c, sizeof kSigns - 1) == NULL) return false;
  }
  return size > 0;
}
