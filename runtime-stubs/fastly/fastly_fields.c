/* fastly_fields.c - fields of messages: lines in a text (http_handler/http_lines.h). None gets in that would be two.
 */
#include <stdlib.h>

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

struct list {
  char* to;
  uint32_t room, size, cursor, number;
  int64_t ending; /* the first one that there is no room for, */
  size_t wanted;  /* and what it takes */
};

/* False when there is no room for it. */
static bool add(struct list* list, const char* bytes, size_t length, bool lower) {
  if (list->number++ < list->cursor) return true;
  if (length + 1 > list->room - list->size) {
    list->ending = list->number - 1;
    list->wanted = length + 1;
    return false;
  }
  for (size_t k = 0; k < length; ++k) list->to[list->size + k] = lower ? aotc_http_lower(bytes[k]) : bytes[k];
  list->to[list->size + length] = 0;
  list->size += (uint32_t)length + 1;
  return true;
}

static bool add_names(struct aotc_instance* instance, struct list* list, const struct aotc_text* fields) {
  size_t count;
  struct aotc_http_name* names = aotc_http_names(instance, fields, &count);
  if (names == NULL) return false;
  for (size_t i = 0; i < count && add(list, names[i].bytes, names[i].size, true); ++i) {
  }
  free(names);
  return true;
}

enum fastly_status fastly_give_list(struct aotc_instance* instance, const uint64_t* slots, int i,
                                    const struct aotc_text* fields, const char* name, size_t name_size) {
  struct list list = {.room = fastly_arg(slots, i + 1), .cursor = fastly_arg(slots, i + 2), .ending = -1};
  list.to = fastly_place(instance, slots, i, list.room);
  void *next = fastly_place(instance, slots, i + 3, 8), *fill = fastly_place(instance, slots, i + 4, 4);
  if (list.to == NULL || next == NULL || fill == NULL) return FASTLY_INVAL;
  struct aotc_http_line line;
  if (name == NULL && !add_names(instance, &list, fields)) return FASTLY_LIMITEXCEEDED;
  for (size_t at = 0; name != NULL && aotc_http_next_line(fields, at, &line); at = line.end)
    if (aotc_http_same_name(line.name, line.name_size, name, name_size) &&
        !add(&list, line.value, line.value_size, false))
      break;
  if (list.ending >= 0 && list.size == 0) {
    fastly_put32(fill, list.wanted <= UINT32_MAX ? (uint32_t)list.wanted : 0);
    fastly_put64(next, UINT64_MAX);
    return FASTLY_BUFLEN;
  }
  fastly_put64(next, (uint64_t)list.ending);
  fastly_put32(fill, list.size);
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
