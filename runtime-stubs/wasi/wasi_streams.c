/* wasi_streams.c - see aotc/outbound.h: the program's side of a channel to the broker.
 *
 * What a stream writes is put straight into the channel's buffer, since its window bounds how much that can be; what
 * comes for a stream is kept in a buffer of its own, which is there only while it holds something: of ten thousand
 * instances that wait each has but a struct aotc_stream. A stream's number is its place, with a count of how often the
 * place was used above it, so that what comes late meets nobody.
 */
#define _GNU_SOURCE
#include "aotc/outbound.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kPlaceBits = 20, kMaxStreams = 1 << kPlaceBits, kReportTaken = 32 << 10, kPiece = 64 << 10 };

struct bytes {
  uint8_t* data;
  size_t at, size, capacity; /* [at, size) are there */
};

struct aotc_stream {
  struct aotc_outbound* outbound;
  void* owner;
  uint32_t number;
  bool opened, ended;       /* the broker said so */
  bool early;               /* can be written to before it is opened */
  bool read_shut, said_end; /* by the program */
  int error;                /* 0: it has not failed */
  uint32_t under_way;       /* bytes written that the broker has not taken */
  uint32_t unreported;      /* bytes read that the broker does not know of */
  struct bytes in;
  struct aotc_outbound_ends ends;
};

struct place {
  struct aotc_stream* stream; /* null: free */
  uint32_t used;
  uint32_t next_free;
};

struct aotc_outbound {
  int fd; /* -1: the broker is gone */
  struct bytes in, out;
  struct place* places;
  uint32_t place_count, first_free; /* kMaxStreams: none */
};

static bool append(struct bytes* b, const void* data, size_t size) {
  if (b->at == b->size) b->at = b->size = 0;
  if (size > b->capacity - b->size && b->at > 0) {
    memmove(b->data, b->data + b->at, b->size - b->at);
    b->size -= b->at;
    b->at = 0;
  }
  if (size > b->capacity - b->size) {
    size_t capacity = b->capacity == 0 ? 512 : b->capacity;
    while (capacity - b->size < size) capacity *= 2;
    uint8_t* larger = realloc(b->data, capacity);
    if (larger == NULL) return false;
    b->data = larger;
    b->capacity = capacity;
  }
  memcpy(b->data + b->size, data, size);
  b->size += size;
  return true;
}

static void release(struct bytes* b) {
  free(b->data);
  *b = (struct bytes){0};
}

static void fail(struct aotc_stream* s, int error) {
  if (s->error == 0) s->error = error;
}

static void give_up(struct aotc_outbound* o) {
  if (o->fd >= 0) close(o->fd);
  o->fd = -1;
  release(&o->in);
  release(&o->out);
  for (uint32_t i = 0; i < o->place_count; ++i)
    if (o->places[i].stream != NULL) fail(o->places[i].stream, o->places[i].stream->opened ? ECONNRESET : ENETUNREACH);
}

struct aotc_outbound* aotc_outbound_create(int fd) {
  struct aotc_outbound* o = calloc(1, sizeof(*o));
  if (o == NULL) return NULL;
  o->fd = fd;
  o->first_free = kMaxStreams;
  return o;
}

void aotc_outbound_destroy(struct aotc_outbound* o) {
  if (o == NULL) return;
  give_up(o);
  for (uint32_t i = 0; i < o->place_count; ++i)
    if (o->places[i].stream != NULL) aotc_stream_close(o->places[i].stream);
  free(o->places);
  free(o);
}

int aotc_outbound_fd(const struct aotc_outbound* o) { return o->fd; }

size_t aotc_outbound_queued(const struct aotc_outbound* o) { return o->out.size - o->out.at; }

void aotc_outbound_flush(struct aotc_outbound* o) {
  while (o->fd >= 0 && aotc_outbound_queued(o) > 0) {
    ssize_t n = sendto(o->fd, o->out.data + o->out.at, aotc_outbound_queued(o), MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return give_up(o);
    o->out.at += (size_t)n;
  }
}

static bool send_frame(struct aotc_outbound* o, uint32_t stream, enum aotc_outbound_kind kind, uint32_t value,
                       const void* data, size_t size) {
  struct aotc_outbound_frame head = {(uint32_t)size, stream, kind, value};
  if (o->fd < 0) return false;
  size_t before = aotc_outbound_queued(o);
  if (append(&o->out, &head, sizeof(head)) && append(&o->out, data, size)) return true;
  o->out.size = o->out.at + before;
  return false;
}

static struct aotc_stream* find(const struct aotc_outbound* o, uint32_t number) {
  uint32_t place = number & (kMaxStreams - 1);
  struct aotc_stream* s = place < o->place_count ? o->places[place].stream : NULL;
  return s != NULL && s->number == number ? s : NULL;
}

static bool reserve_place(struct aotc_outbound* o) {
  if (o->first_free < kMaxStreams) return true;
  uint32_t count = o->place_count == 0 ? 64 : o->place_count * 2;
  struct place* places = count > kMaxStreams ? NULL : realloc(o->places, count * sizeof(*places));
  if (places == NULL) return false;
  for (uint32_t i = o->place_count; i < count; ++i)
    places[i] = (struct place){.next_free = i + 1 < count ? i + 1 : kMaxStreams};
  o->first_free = o->place_count;
  o->places = places;
  o->place_count = count;
  return true;
}

struct aotc_stream* aotc_stream_open(struct aotc_outbound* o, enum aotc_outbound_service service, const char* name,
                                     size_t size, uint16_t port, void* owner, int* error) {
  *error = ENETUNREACH;
  if (o == NULL || o->fd < 0) return NULL;
  *error = ENOBUFS;
  struct aotc_stream* s = reserve_place(o) ? calloc(1, sizeof(*s)) : NULL;
  if (s == NULL) return NULL;
  uint32_t at = o->first_free;
  struct place* place = &o->places[at];
  *s = (struct aotc_stream){
      .outbound = o, .owner = owner, .number = at | place->used << kPlaceBits, .early = service == AOTC_OUTBOUND_KV};
  if (!send_frame(o, s->number, AOTC_OUTBOUND_OPEN, (uint32_t)service | (uint32_t)port << 16, name, size)) {
    free(s);
    return NULL;
  }
  o->first_free = place->next_free;
  ++place->used;
  place->stream = s;
  *error = 0;
  return s;
}

void aotc_stream_close(struct aotc_stream* s) {
  struct aotc_outbound* o = s->outbound;
  uint32_t at = s->number & (kMaxStreams - 1);
  /* A channel on which this cannot be said any more is of no use. */
  if (s->error == 0 && !send_frame(o, s->number, AOTC_OUTBOUND_CLOSE, 0, NULL, 0)) give_up(o);
  o->places[at].stream = NULL;
  o->places[at].next_free = o->first_free;
  o->first_free = at;
  release(&s->in);
  free(s);
}

int aotc_stream_state(const struct aotc_stream* s, struct aotc_outbound_ends* ends) {
  *ends = s->ends;
  if (s->opened) return 0;
  return s->error != 0 ? s->error : EINPROGRESS;
}

static uint32_t window(const struct aotc_stream* s) { return AOTC_OUTBOUND_WINDOW - s->under_way; }

bool aotc_stream_ready(const struct aotc_stream* s, bool read, uint64_t* bytes) {
  bool there = s->opened || s->error != 0 || (s->early && !read);
  *bytes = !there ? 0 : read ? s->in.size - s->in.at : window(s);
  return there && (*bytes > 0 || s->error != 0 || (read ? s->ended || s->read_shut : s->said_end));
}

static void report_taken(struct aotc_stream* s) {
  bool all = s->in.at == s->in.size;
  if (s->error != 0 || s->ended || s->unreported == 0 || (s->unreported < kReportTaken && !all)) return;
  if (!send_frame(s->outbound, s->number, AOTC_OUTBOUND_TAKEN, s->unreported, NULL, 0)) return give_up(s->outbound);
  s->unreported = 0;
}

int aotc_stream_read(struct aotc_stream* s, const struct iovec* vectors, int count, bool peek, uint32_t* moved) {
  size_t at = s->in.at;
  *moved = 0;
  if (s->read_shut) return 0;
  if (at == s->in.size && count > 0) {
    if (s->error != 0) return s->error;
    if (!s->ended) return EAGAIN;
  }
  for (int i = 0; i < count; ++i) {
    size_t left = s->in.size - at, n = vectors[i].iov_len < left ? vectors[i].iov_len : left;
    if (n > 0) memcpy(vectors[i].iov_base, s->in.data + at, n);
    at += n;
  }
  *moved = (uint32_t)(at - s->in.at);
  if (peek) return 0;
  s->in.at = at;
  s->unreported += *moved;
  report_taken(s);
  if (s->in.at == s->in.size) release(&s->in);
  return 0;
}

int aotc_stream_write(struct aotc_stream* s, const struct iovec* vectors, int count, uint32_t* moved) {
  *moved = 0;
  if (s->error != 0) return s->error;
  if (!s->opened && !s->early) return ENOTCONN;
  if (s->said_end) return EPIPE;
  if (window(s) == 0 && count > 0) return EAGAIN;
  for (int i = 0; i < count; ++i) {
    const uint8_t* data = vectors[i].iov_base;
    size_t left = vectors[i].iov_len;
    while (left > 0 && window(s) > 0) {
      uint32_t n = window(s);
      if (n > left) n = (uint32_t)left;
      if (n > AOTC_OUTBOUND_MAX_FRAME) n = AOTC_OUTBOUND_MAX_FRAME;
      if (!send_frame(s->outbound, s->number, AOTC_OUTBOUND_DATA, 0, data, n)) return *moved > 0 ? 0 : ENOBUFS;
      s->under_way += n;
      *moved += n;
      data += n;
      left -= n;
    }
  }
  return 0;
}

int aotc_stream_shutdown(struct aotc_stream* s, bool read, bool write) {
  if (s->error != 0) return s->error;
  if (!s->opened) return ENOTCONN;
  s->read_shut |= read;
  if (!write || s->said_end) return 0;
  if (!send_frame(s->outbound, s->number, AOTC_OUTBOUND_END, 0, NULL, 0)) return ENOBUFS;
  s->said_end = true;
  return 0;
}

/* False when it is no frame that the broker sends. */
static bool take(const struct aotc_outbound_frame* head, struct aotc_stream* s, const uint8_t* data) {
  switch (head->kind) {
    case AOTC_OUTBOUND_OPENED:
      if (head->size != sizeof(s->ends) || s->opened || s->error != 0) return false;
      memcpy(&s->ends, data, sizeof(s->ends));
      s->opened = true;
      return true;
    case AOTC_OUTBOUND_FAILED:
      fail(s, head->value == 0 ? EIO : (int)head->value);
      return true;
    case AOTC_OUTBOUND_DATA:
      if (!s->opened || s->ended || s->in.size - s->in.at + head->size > AOTC_OUTBOUND_WINDOW) return false;
      if (s->read_shut) {
        s->unreported += head->size;
        report_taken(s);
      } else if (!append(&s->in, data, head->size)) {
        fail(s, ENOBUFS);
      }
      return true;
    case AOTC_OUTBOUND_END:
      s->ended = true;
      return s->opened;
    case AOTC_OUTBOUND_TAKEN:
      if (head->value > s->under_way) return false;
      s->under_way -= head->value;
      return true;
    default:
      return false;
  }
}

static bool take_all(struct aotc_outbound* o, void (*happened)(void* data, void* owner), void* data) {
  struct aotc_outbound_frame head;
  while (o->fd >= 0 && o->in.size - o->in.at >= sizeof(head)) {
    memcpy(&head, o->in.data + o->in.at, sizeof(head));
    if (head.size > AOTC_OUTBOUND_MAX_FRAME) return false;
    if (o->in.size - o->in.at - sizeof(head) < head.size) break;
    struct aotc_stream* s = find(o, head.stream);
    if (s != NULL) {
      if (!take(&head, s, o->in.data + o->in.at + sizeof(head))) return false;
      happened(data, s->owner);
    }
    o->in.at += sizeof(head) + head.size;
  }
  return true;
}

void aotc_outbound_receive(struct aotc_outbound* o, void (*happened)(void* data, void* owner), void* data) {
  static _Thread_local uint8_t piece[kPiece];
  bool good = true;
  if (o->fd < 0) return;
  while (o->fd >= 0 && good) {
    ssize_t n = recvfrom(o->fd, piece, sizeof(piece), MSG_DONTWAIT, NULL, NULL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    good = n > 0 && append(&o->in, piece, (size_t)n) && take_all(o, happened, data);
    if (good && n < (ssize_t)sizeof(piece)) break;
  }
  if (o->fd >= 0 && good) {
    if (o->in.at == o->in.size) release(&o->in);
    return;
  }
  give_up(o);
  for (uint32_t i = 0; i < o->place_count; ++i)
    if (o->places[i].stream != NULL) happened(data, o->places[i].stream->owner);
}
