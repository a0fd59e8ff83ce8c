/* fastly_fields.c - fields of messages: lines in a text (http_handler/http_lines.h). None gets in that would be two.
 */
#include "fastly.h"
#include "http_handler/http_lines.h"

bool fastly_find_field(const struct aotc_text* fields, const char* name, const char** value, size_t* size) {
  struct aotc_http_line line;
  for (size_t at = 0; aotc_http_next_line(fields, at, &line); at = line.end)
    if (aotc_http_same_name(line.name, line.name_size, name, strlen(name))) {
      *value = line.value;
      *size = line.value_size;
      return true;
    }
  return false;
}

static bool is_of_connection(const struct aotc_http_line* line) {
  static const char* const kNames[] = {
      "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "upgrade", "expect"};
  for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; ++i)
    if (aotc_http_same_name(line->name, line->name_size, kNames[i], strlen(kNames[i]))) return true;
  return false;
}

bool fastly_append_fields(struct fastly* f, struct aotc_instance* instance, struct aotc_text* out,
                          const struct aotc_text* fields) {
  struct aotc_http_line line;
  for (size_t at = 0; aotc_http_next_line(fields, at, &line); at = line.end)
    if (!is_of_connection(&line) && !fastly_append(f, instance, out, fields->bytes + line.start, line.end - line.start))
      return false;
  return true;
}

/* --- lists: names of fields, values of one -------------------------------------------------------------------------
 */

static bool came_before(const struct aotc_text* text, const struct aotc_http_line* line) {
  struct aotc_http_line other;
  for (size_t at = 0; aotc_http_next_line(text, at, &other) && other.start < line->start; at = other.end)
    if (aotc_http_same_name(other.name, other.name_size, line->name, line->name_size)) return true;
  return false;
}

enum fastly_status fastly_give_list(struct aotc_instance* instance, const uint64_t* slots, int i,
                                    const struct aotc_text* fields, const char* name, size_t name_size) {
  const uint32_t room = fastly_arg(slots, i + 1), cursor = fastly_arg(slots, i + 2);
  char* to = fastly_place(instance, slots, i, room);
  void *next = fastly_place(instance, slots, i + 3, 8), *fill = fastly_place(instance, slots, i + 4, 4);
  if (to == NULL || next == NULL || fill == NULL) return FASTLY_INVAL;
  struct aotc_http_line line;
  uint32_t number = 0, size = 0;
  int64_t ending = -1;
  for (size_t at = 0; aotc_http_next_line(fields, at, &line); at = line.end) {
    if (name == NULL ? came_before(fields, &line) : !aotc_http_same_name(line.name, line.name_size, name, name_size))
      continue;
    if (number++ < cursor) continue;
    const char* bytes = name == NULL ? line.name : line.value;
    const size_t length = name == NULL ? line.name_size : line.value_size;
    if (length + 1 > room - size) {
      ending = number - 1;
      if (size > 0) break;
      fastly_put32(fill, length < UINT32_MAX ? (uint32_t)length + 1 : 0);
      fastly_put64(next, UINT64_MAX);
      return FASTLY_BUFLEN;
    }
    for (size_t k = 0; k < length; ++k) to[size + k] = name == NULL ? aotc_http_lower(bytes[k]) : bytes[k];
    to[size + length] = 0;
    size += (uint32_t)length + 1;
  }
  fastly_put64(next, (uint64_t)ending);
  fastly_put32(fill, size);
  return FASTLY_OK;
}

enum fastly_status fastly_add_field(struct fastly* f, struct aotc_instance* instance, struct aotc_text* fields,
                                    const char* name, size_t name_size, const char* value, size_t value_size) {
  const size_t before = fields->size;
  if (name_size > FASTLY_MOST_FIELD_NAME) return FASTLY_INVAL;
  if (!aotc_http_is_token(name, name_size) || !aotc_http_is_value(value, value_size)) return FASTLY_ERROR;
  if (fastly_append(f, instance, fields, name, name_size) && fastly_append(f, instance, fields, ": ", 2) &&
      fastly_append(f, instance, fields, value, value_size) && fastly_append(f, instance, fields, "\r\n", 2))
    return FASTLY_OK;
  fields->size = before;
  return FASTLY_LIMITEXCEEDED;
}

bool fastly_said_length(const struct fastly_message* m, uint64_t* length) {
  const char* value;
  size_t size;
  *length = 0;
  if (!fastly_find_field(&m->fields, "content-length", &value, &size) || size == 0 || size > 18) return false;
  for (size_t i = 0; i < size; ++i) {
    if (value[i] < '0' || value[i] > '9') return false;
    *length = *length * 10 + (uint64_t)(value[i] - '0');
  }
  return true;
}
