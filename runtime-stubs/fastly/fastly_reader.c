/* fastly_reader.c - messages of HTTP/1.1 that come in, from the node's front and from the broker, which have written
 * them anew: one framing, no folded lines. Anything else is nonsense.
 */
#include "fastly.h"
#include "http_handler/http_lines.h"

/* A head that is no larger is somebody else's to refuse. */
static const size_t kMostHead = 16u << 20, kMostTrailers = 1u << 20;

bool fastly_read_head(struct fastly* f, struct aotc_instance* instance, struct fastly_reader* reader,
                      const uint8_t* bytes, size_t size, size_t* used) {
  *used = 0;
  while (*used < size && reader->state == FASTLY_READS_HEAD) {
    const uint8_t* end = memchr(bytes + *used, '\n', size - *used);
    const size_t piece = (end == NULL ? size : (size_t)(end + 1 - bytes)) - *used;
    struct aotc_text* head = &reader->head;
    if (piece > kMostHead - head->size || !fastly_append(f, instance, head, bytes + *used, piece)) {
      reader->state = FASTLY_READS_NONSENSE;
      return false;
    }
    *used += piece;
    if (head->size >= 4 && memcmp(head->bytes + head->size - 4, "\r\n\r\n", 4) == 0) return true;
  }
  return false;
}

struct aotc_text fastly_head_line(const struct fastly_reader* reader) {
  const char* end = memchr(reader->head.bytes, '\r', reader->head.size);
  return (struct aotc_text){.bytes = reader->head.bytes, .size = (size_t)(end - reader->head.bytes)};
}

struct aotc_text fastly_head_fields(const struct fastly_reader* reader) {
  const size_t first = fastly_head_line(reader).size + 2;
  /* Without the empty line. */
  return (struct aotc_text){.bytes = reader->head.bytes + first, .size = reader->head.size - 2 - first};
}

static bool read_number(const char* text, size_t size, unsigned base, uint64_t* number) {
  *number = 0;
  for (size_t i = 0; i < size; ++i) {
    const char c = aotc_http_lower(text[i]);
    const unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                  : 99;
    if (digit >= base || *number > (UINT64_MAX - digit) / base) return false;
    *number = *number * base + digit;
  }
  return size > 0;
}

void fastly_begin_body(struct fastly_reader* reader, bool to_the_end) {
  const struct aotc_text fields = fastly_head_fields(reader);
  const char* value;
  size_t size;
  reader->left = 0;
  if (fastly_find_field(&fields, "transfer-encoding", &value, &size)) {
    reader->state = aotc_http_same_name(value, size, "chunked", 7) ? FASTLY_READS_CHUNK_SIZE : FASTLY_READS_NONSENSE;
  } else if (fastly_find_field(&fields, "content-length", &value, &size)) {
    reader->state = read_number(value, size, 10, &reader->left) ? FASTLY_READS_LENGTH : FASTLY_READS_NONSENSE;
    if (reader->state == FASTLY_READS_LENGTH && reader->left == 0) reader->state = FASTLY_HAS_READ;
  } else {
    reader->state = to_the_end ? FASTLY_READS_TO_THE_END : FASTLY_HAS_READ;
  }
}

/* A line with a chunk's size, and what may be behind it, which is nobody's; bytes that were used. */
static size_t read_size(struct fastly_reader* reader, const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] == '\n') {
      size_t digits = 0;
      while (digits < reader->line_size && reader->line[digits] != ';' && reader->line[digits] != '\r') ++digits;
      /* Not cut off before its end. */
      const bool good = digits < sizeof reader->line && read_number(reader->line, digits, 16, &reader->left);
      reader->state = !good ? FASTLY_READS_NONSENSE : reader->left == 0 ? FASTLY_READS_TRAILERS : FASTLY_READS_CHUNK;
      reader->line_size = 0;
      return i + 1;
    }
    if (reader->line_size < sizeof reader->line) reader->line[reader->line_size++] = (char)bytes[i];
  }
  return size;
}

/* Lines up to an empty one; nobody asks for them. */
static size_t read_trailers(struct fastly_reader* reader, const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (++reader->trailer_size > kMostTrailers) {
      reader->state = FASTLY_READS_NONSENSE;
      return i;
    }
    if (bytes[i] == '\n' && reader->line_size == 0) {
      reader->state = FASTLY_HAS_READ;
      return i + 1;
    }
    if (bytes[i] == '\n')
      reader->line_size = 0;
    else if (bytes[i] != '\r')
      reader->line_size = 1;
  }
  return size;
}

static size_t least(uint64_t a, uint64_t b) { return (size_t)(a < b ? a : b); }

void fastly_read_body(struct fastly_reader* reader, const uint8_t* bytes, size_t size, size_t* used, char* out,
                      size_t out_size, size_t* written) {
  *used = *written = 0;
  for (;;) {
    const uint8_t* at = bytes + *used;
    size_t left = size - *used, n;
    if (left == 0) return;
    switch (reader->state) {
      case FASTLY_READS_LENGTH:
      case FASTLY_READS_CHUNK:
      case FASTLY_READS_TO_THE_END:
        n = least(left, out_size - *written);
        if (reader->state != FASTLY_READS_TO_THE_END) n = least(n, reader->left);
        if (n == 0) return;
        memcpy(out + *written, at, n);
        *written += n;
        *used += n;
        if (reader->state == FASTLY_READS_TO_THE_END) break;
        reader->left -= n;
        if (reader->left == 0)
          reader->state = reader->state == FASTLY_READS_LENGTH ? FASTLY_HAS_READ : FASTLY_READS_CHUNK_END;
        break;
      case FASTLY_READS_CHUNK_END:
        if (*at != '\r' && *at != '\n') {
          reader->state = FASTLY_READS_NONSENSE;
          return;
        }
        *used += 1;
        if (*at == '\n') reader->state = FASTLY_READS_CHUNK_SIZE;
        break;
      case FASTLY_READS_CHUNK_SIZE:
        *used += read_size(reader, at, left);
        break;
      case FASTLY_READS_TRAILERS:
        *used += read_trailers(reader, at, left);
        break;
      default:
        return;
    }
  }
}
