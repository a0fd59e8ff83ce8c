/* fastly_log.c - logs: each entry is a line of the program's log, behind the endpoint's name.
 */
#include "fastly.h"

enum { kMostEntry = 60 << 10 };

static enum fastly_status open_endpoint(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots) {
  uint32_t size;
  const char* name = fastly_bytes(instance, slots, 0, &size);
  void* place = fastly_place(instance, slots, 2, 4);
  if (name == NULL || place == NULL || !fastly_is_endpoint(name, size)) return FASTLY_INVAL;
  const uint32_t handle = fastly_name_handle(&f->names, FASTLY_ENDPOINT, name, size);
  if (handle == 0) return FASTLY_LIMITEXCEEDED;
  fastly_put32(place, handle);
  return FASTLY_OK;
}

enum aotc_status aotc_fastly_log_endpoint_get(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, open_endpoint(host, instance, slots));
}

/* One line, whatever is in it; what is too much is left out. */
static void write_line(struct fastly* f, const struct fastly_name* endpoint, const char* text, uint32_t size) {
  static const char kBetween[4] = {' ', ':', ':', ' '};
  char line[FASTLY_MOST_NAME + sizeof kBetween + kMostEntry];
  size_t length = 0;
  if (size > 0 && text[size - 1] == '\n') --size;
  if (size == 0) return;
  for (uint32_t i = 0; i < endpoint->size; ++i) {
    const char c = endpoint->bytes[i];
    line[length++] = (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
  }
  memcpy(line + length, kBetween, sizeof kBetween);
  length += sizeof kBetween;
  for (uint32_t i = 0; i < size && length + 2 <= sizeof line; ++i) {
    if (text[i] == '\n') line[length++] = '\\';
    line[length++] = text[i] == '\n' ? 'n' : text[i];
  }
  aotc_connection_log(f->connection, 1, line, length);
}

static enum fastly_status write_entry(struct fastly* f, struct aotc_instance* instance, const uint64_t* slots) {
  uint32_t size;
  const struct fastly_name* endpoint = fastly_name_of(&f->names, FASTLY_ENDPOINT, fastly_arg(slots, 0));
  const char* text = fastly_bytes(instance, slots, 1, &size);
  void* place = fastly_place(instance, slots, 3, 4);
  if (endpoint == NULL) return FASTLY_BADF;
  if (text == NULL || place == NULL) return FASTLY_INVAL;
  write_line(f, endpoint, text, size);
  fastly_put32(place, size);
  return FASTLY_OK;
}

enum aotc_status aotc_fastly_log_write(struct aotc_instance* instance, void* host, uint64_t* slots) {
  return fastly_finish(host, slots, write_entry(host, instance, slots));
}
