/* helpers.c - what compiled code calls for bulk memory work, and the table of all helpers.
 *
 * Go's memmove, memclr and byte-string functions end here, mostly with a few dozen bytes, so the small cases are a
 * bounds check and a handful of overlapping 16-byte moves, without a loop and without libc. Large ones work in pieces
 * of at most 1 MiB and look between them whether the deadline has passed.
 *
 * Everything in the section `aotc_helpers` runs on the guest's stack and calls nothing outside it, so that the signal
 * handler knows where it is. The stack may end anywhere in there: a fault in its guard is the guest's stack overflow,
 * as in compiled code, and nobody checks for room. So a helper may be abandoned at any instruction that touches the
 * stack, and leaves nothing of the host's half done: copies, fills and digests write the guest's memory, of which a
 * trap may leave any part written; table helpers write whole entries, each of which is valid by itself; a drop is one
 * byte. What has more to keep consistent (growing, host calls, the record of a trap) is on the host's stack by then.
 *
 * This file and table.c are compiled without the idioms that turn loops into calls of memcpy and memset.
 */
#include "known.h"
#include "sha256.h"
#include "state.h"
#include "vector16.h"
#include "vector32.h"

enum { kPiece = 1 << 20 };

#define HELPER AOTC_HELPER_SECTION
#define RAISE(trap) aotc_raise(base, trap, __builtin_frame_address(0))
#define CHECK_DEADLINE()                                                 \
  do {                                                                   \
    if (aotc_instance_of(base)->deadline_hit) RAISE(AOTC_TRAP_DEADLINE); \
  } while (0)

static inline uint64_t memory_size(const uint8_t* base) {
  return *(const volatile uint64_t*)(const void*)(base + AOTC_TAIL_MEMORY_SIZE);
}

#define LOAD_STORE_PAIR(type)                                        \
  do {                                                               \
    type first_, last_;                                              \
    __builtin_memcpy(&first_, from, sizeof(type));                   \
    __builtin_memcpy(&last_, from + n - sizeof(type), sizeof(type)); \
    __builtin_memcpy(to, &first_, sizeof(type));                     \
    __builtin_memcpy(to + n - sizeof(type), &last_, sizeof(type));   \
  } while (0)

/* Any n up to 128, overlapping or not: all loads come before all stores. */
static inline __attribute__((always_inline)) void copy_small(uint8_t* to, const uint8_t* from, uint64_t n) {
  if (n < 16) {
    if (n >= 8)
      LOAD_STORE_PAIR(uint64_t);
    else if (n >= 4)
      LOAD_STORE_PAIR(uint32_t);
    else if (n >= 2)
      LOAD_STORE_PAIR(uint16_t);
    else if (n == 1)
      *to = *from;
    return;
  }
  v16 a = v16_load(from), z = v16_load(from + n - 16);
  if (n > 32) {
    v16 b = v16_load(from + 16), y = v16_load(from + n - 32);
    if (n > 64) {
      v16 c = v16_load(from + 32), d = v16_load(from + 48);
      v16 w = v16_load(from + n - 64), x = v16_load(from + n - 48);
      v16_store(to + 32, c), v16_store(to + 48, d);
      v16_store(to + n - 64, w), v16_store(to + n - 48, x);
    }
    v16_store(to + 16, b), v16_store(to + n - 32, y);
  }
  v16_store(to, a), v16_store(to + n - 16, z);
}

/* Upwards, for to <= from or no overlap; n >= 64. The edges are loaded before anything can overwrite them. */
static inline void copy_up(uint8_t* to, const uint8_t* from, uint64_t n) {
  v16 first = v16_load(from), w = v16_load(from + n - 64), x = v16_load(from + n - 48), y = v16_load(from + n - 32),
      z = v16_load(from + n - 16);
  uint8_t *begin = to, *end = to + n;
  uint64_t unaligned = -(uintptr_t)to & 15;
  for (to += unaligned, from += unaligned; (uint64_t)(end - to) > 64; to += 64, from += 64) {
    v16 a = v16_load(from), b = v16_load(from + 16), c = v16_load(from + 32), d = v16_load(from + 48);
    v16_store(to, a), v16_store(to + 16, b), v16_store(to + 32, c), v16_store(to + 48, d);
  }
  v16_store(begin, first), v16_store(end - 64, w), v16_store(end - 48, x), v16_store(end - 32, y),
      v16_store(end - 16, z);
}

static inline void copy_down(uint8_t* to, const uint8_t* from, uint64_t n) {
  v16 a = v16_load(from), b = v16_load(from + 16), c = v16_load(from + 32), d = v16_load(from + 48);
  uint64_t left = n;
  for (; left > 64; left -= 64) {
    v16 w = v16_load(from + left - 64), x = v16_load(from + left - 48);
    v16 y = v16_load(from + left - 32), z = v16_load(from + left - 16);
    v16_store(to + left - 64, w), v16_store(to + left - 48, x);
    v16_store(to + left - 32, y), v16_store(to + left - 16, z);
  }
  v16_store(to, a), v16_store(to + 16, b), v16_store(to + 32, c), v16_store(to + 48, d);
}

static inline void copy_piece(uint8_t* to, const uint8_t* from, uint64_t n) {
  bool down = (uint64_t)(to - from) < n;
  if (n >= kV32From && has_v32()) {
    if (down)
      v32_copy_down(to, from, n);
    else
      v32_copy_up(to, from, n);
  } else if (down) {
    copy_down(to, from, n);
  } else {
    copy_up(to, from, n);
  }
}

/* `frame` is the frame record of the helper that was called. */
static HELPER __attribute__((noinline)) void copy_large(uint8_t* base, uint32_t dst, uint32_t src, uint64_t n,
                                                        const void* frame) {
  bool down = dst > src && dst - src < n;
  for (uint64_t done = 0; done < n;) {
    if (aotc_instance_of(base)->deadline_hit) aotc_raise(base, AOTC_TRAP_DEADLINE, frame);
    uint64_t piece = n - done;
    /* The last piece takes up to 63 bytes more, so that no piece is shorter than the loops' minimum. */
    if (piece >= kPiece + 64) piece = kPiece;
    uint64_t at = down ? n - done - piece : done;
    copy_piece(base + dst + at, base + src + at, piece);
    done += piece;
  }
}

static HELPER void aotc_memory_copy_helper(uint8_t* base, uint32_t dst, uint32_t src, uint32_t n) {
  uint64_t size = memory_size(base), count = n;
  if (__builtin_expect(dst + count > size || src + count > size, 0)) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  if (count <= 128)
    copy_small(base + dst, base + src, count);
  else if (count <= kPiece)
    copy_piece(base + dst, base + src, count);
  else
    copy_large(base, dst, src, count, __builtin_frame_address(0));
}

/* n >= 16. */
static inline void fill_piece(uint8_t* to, uint8_t byte, uint64_t n, bool wide) {
  if (wide) {
    v32_fill(to, byte, n);
    return;
  }
  v16 v = v16_splat(byte);
  for (uint64_t at = 0; at + 16 < n; at += 16) v16_store(to + at, v);
  v16_store(to + n - 16, v);
}

static HELPER void aotc_memory_fill_helper(uint8_t* base, uint32_t dst, uint32_t value, uint32_t n) {
  uint64_t count = n;
  if (__builtin_expect(dst + count > memory_size(base), 0)) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  uint8_t* to = base + dst;
  uint8_t byte = (uint8_t)value;
  if (count < 16) {
    uint64_t word = 0x0101010101010101ull * byte;
    if (count >= 8) {
      __builtin_memcpy(to, &word, 8), __builtin_memcpy(to + count - 8, &word, 8);
    } else if (count >= 4) {
      __builtin_memcpy(to, &word, 4), __builtin_memcpy(to + count - 4, &word, 4);
    } else if (count > 0) {
      to[0] = byte, to[count / 2] = byte, to[count - 1] = byte;
    }
    return;
  }
  bool wide = count >= kV32From && has_v32();
  for (; count > kPiece + kV32From; to += kPiece, count -= kPiece) {
    CHECK_DEADLINE();
    fill_piece(to, byte, kPiece, wide);
  }
  fill_piece(to, byte, count, wide);
}

static HELPER void aotc_memory_init_helper(uint8_t* base, uint32_t segment, uint32_t dst, uint32_t src, uint32_t n) {
  struct aotc_instance* instance = aotc_instance_of(base);
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  uint64_t count = n;
  if (segment >= h->data_segments.count) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  const struct aotc_data_segment* s =
      (const struct aotc_data_segment*)(const void*)(artifact->map + h->data_segments.offset) + segment;
  uint64_t available = instance->data_dropped[segment] ? 0 : s->size;
  if (src + count > available || dst + count > memory_size(base)) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  const uint8_t* from = artifact->map + s->offset + src;
  uint8_t* to = base + dst;
  while (count > 0) {
    CHECK_DEADLINE();
    uint64_t piece = count < kPiece ? count : kPiece;
    if (piece <= 128)
      copy_small(to, from, piece);
    else
      copy_up(to, from, piece);
    to += piece, from += piece, count -= piece;
  }
}

static HELPER void aotc_data_drop_helper(uint8_t* base, uint32_t segment) {
  struct aotc_instance* instance = aotc_instance_of(base);
  if (segment < instance->artifact->header->data_segments.count) instance->data_dropped[segment] = 1;
}

/* Index of the first byte that differs, or n. Both strings are in bounds; `frame` as above. */
static inline __attribute__((always_inline)) uint64_t mismatch(uint8_t* base, uint32_t first, uint32_t second,
                                                               uint64_t n, const void* frame) {
  const uint8_t *p = base + first, *q = base + second;
  if (n < 16) {
    uint64_t at = 0, size = memory_size(base);
    if (__builtin_expect(first + 16ull <= size && second + 16ull <= size, 1)) {
      uint64_t differ = v16_first(v16_mask(v16_same(v16_load(p), v16_load(q))) ^ kV16MaskAll, n);
      return differ == 0 ? n : v16_index(differ);
    }
    while (at < n && p[at] == q[at]) ++at;
    return at;
  }
  uint64_t at = 0;
  while (n - at >= 64) {
    if (aotc_instance_of(base)->deadline_hit) aotc_raise(base, AOTC_TRAP_DEADLINE, frame);
    uint64_t end = n - at < kPiece ? at + (n - at) / 64 * 64 : at + kPiece;
    for (; at < end; at += 64) {
      v16 a = v16_same(v16_load(p + at), v16_load(q + at)), b = v16_same(v16_load(p + at + 16), v16_load(q + at + 16));
      v16 c = v16_same(v16_load(p + at + 32), v16_load(q + at + 32)),
          d = v16_same(v16_load(p + at + 48), v16_load(q + at + 48));
      if (v16_mask(v16_and(v16_and(a, b), v16_and(c, d))) != kV16MaskAll) {
        n = at + 64;
        goto found;
      }
    }
  }
found:
  for (; n - at >= 16; at += 16) {
    uint64_t differ = v16_mask(v16_same(v16_load(p + at), v16_load(q + at))) ^ kV16MaskAll;
    if (differ != 0) return at + v16_index(differ);
  }
  if (at == n) return n;
  at = n - 16;
  uint64_t differ = v16_mask(v16_same(v16_load(p + at), v16_load(q + at))) ^ kV16MaskAll;
  return differ == 0 ? n : at + v16_index(differ);
}

static HELPER uint32_t aotc_memequal_helper(uint8_t* base, uint32_t p, uint32_t q, uint32_t n) {
  uint64_t size = memory_size(base), count = n;
  if (__builtin_expect(p + count > size || q + count > size, 0)) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  return mismatch(base, p, q, count, __builtin_frame_address(0)) == count;
}

static HELPER uint32_t aotc_memcmp_helper(uint8_t* base, uint32_t p, uint32_t q, uint32_t n) {
  uint64_t size = memory_size(base), count = n;
  if (__builtin_expect(p + count > size || q + count > size, 0)) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  uint64_t at = p == q ? count : mismatch(base, p, q, count, __builtin_frame_address(0));
  return at == count ? 0 : (uint32_t)base[p + at] - base[q + at];
}

static HELPER uint32_t aotc_memchr_helper(uint8_t* base, uint32_t p, uint32_t byte, uint32_t n) {
  uint64_t count = n, at = 0, size = memory_size(base);
  if (__builtin_expect(p + count > size, 0)) RAISE(AOTC_TRAP_OUT_OF_BOUNDS_MEMORY);
  const uint8_t* from = base + p;
  v16 wanted = v16_splat((uint8_t)byte);
  if (count < 16) {
    if (__builtin_expect(p + 16ull <= size, 1)) {
      uint64_t equal = v16_first(v16_mask(v16_same(v16_load(from), wanted)), count);
      return equal == 0 ? UINT32_MAX : (uint32_t)v16_index(equal);
    }
    for (; at < count; ++at)
      if (from[at] == (uint8_t)byte) return (uint32_t)at;
    return UINT32_MAX;
  }
  while (count - at >= 64) {
    CHECK_DEADLINE();
    uint64_t end = count - at < kPiece ? at + (count - at) / 64 * 64 : at + kPiece;
    for (; at < end; at += 64) {
      v16 a = v16_same(v16_load(from + at), wanted), b = v16_same(v16_load(from + at + 16), wanted);
      v16 c = v16_same(v16_load(from + at + 32), wanted), d = v16_same(v16_load(from + at + 48), wanted);
      if (v16_mask(v16_or(v16_or(a, b), v16_or(c, d))) != 0) {
        count = at + 64;
        goto found;
      }
    }
  }
found:
  for (; count - at >= 16; at += 16) {
    uint64_t equal = v16_mask(v16_same(v16_load(from + at), wanted));
    if (equal != 0) return (uint32_t)(at + v16_index(equal));
  }
  if (at == count) return UINT32_MAX;
  at = count - 16;
  uint64_t equal = v16_mask(v16_same(v16_load(from + at), wanted));
  return equal == 0 ? UINT32_MAX : (uint32_t)(at + v16_index(equal));
}

/* --- while memory is guarded (struct aotc_memory_guard) -----------------------------------------------------------
 *
 * The helpers above read 16 bytes where a few are wanted. These look at what is wanted: a byte of a secret ends the
 * program; what lies around it is read byte by byte. */
static inline __attribute__((always_inline)) bool hidden(uint8_t* base, uint32_t p, uint64_t n, const void* frame) {
  struct aotc_memory_guard* guard = aotc_instance_of(base)->guard;
  if (guard == NULL || !aotc_guard_asks(guard, p, n)) return false;
  if (guard->read != NULL) aotc_raise(base, AOTC_TRAP_OUT_OF_BOUNDS_MEMORY, frame);
  return true;
}
#define HIDDEN(p, n) hidden(base, p, n, __builtin_frame_address(0))

static HELPER void guarded_memory_copy(uint8_t* base, uint32_t dst, uint32_t src, uint32_t n) {
  if (!HIDDEN(src, n) || src + (uint64_t)n > memory_size(base) || dst + (uint64_t)n > memory_size(base)) {
    aotc_memory_copy_helper(base, dst, src, n);
    return;
  }
  for (uint32_t i = 0; i < n; ++i) *(volatile uint8_t*)(base + dst + i) = *(volatile uint8_t*)(base + src + i);
}

static HELPER uint32_t guarded_memcmp(uint8_t* base, uint32_t p, uint32_t q, uint32_t n) {
  bool p_hidden = HIDDEN(p, n), q_hidden = HIDDEN(q, n);
  if (!p_hidden && !q_hidden) return aotc_memcmp_helper(base, p, q, n);
  for (uint32_t i = 0; i < n && q + (uint64_t)n <= memory_size(base) && p + (uint64_t)n <= memory_size(base); ++i) {
    uint32_t a = *(volatile uint8_t*)(base + p + i), b = *(volatile uint8_t*)(base + q + i);
    if (a != b) return a - b;
  }
  return 0;
}

static HELPER uint32_t guarded_memequal(uint8_t* base, uint32_t p, uint32_t q, uint32_t n) {
  bool p_hidden = HIDDEN(p, n), q_hidden = HIDDEN(q, n);
  return p_hidden || q_hidden ? guarded_memcmp(base, p, q, n) == 0 : aotc_memequal_helper(base, p, q, n);
}

static HELPER uint32_t guarded_memchr(uint8_t* base, uint32_t p, uint32_t byte, uint32_t n) {
  if (!HIDDEN(p, n)) return aotc_memchr_helper(base, p, byte, n);
  for (uint32_t i = 0; i < n; ++i)
    if (*(volatile uint8_t*)(base + p + i) == (uint8_t)byte) return i;
  return UINT32_MAX;
}

/* table.c */
void aotc_table_init_helper(uint8_t* base, uint32_t packed, uint32_t dst, uint32_t src, uint32_t n);
void aotc_elem_drop_helper(uint8_t* base, uint32_t segment);
void aotc_table_copy_helper(uint8_t* base, uint32_t packed, uint32_t dst, uint32_t src, uint32_t n);
void aotc_table_fill_helper(uint8_t* base, uint32_t index, uint32_t dst, uint32_t ref, uint32_t n);

void aotc_helpers_install(struct aotc_instance* instance) {
  uint64_t* slots = (uint64_t*)(void*)(aotc_base(instance) + AOTC_HELPERS_OFFSET);
#define SET(helper, function) slots[helper] = (uint64_t)(uintptr_t)(function)
  SET(AOTC_HELPER_HOST_CALL, aotc_host_call_entry);
  SET(AOTC_HELPER_MEMORY_GROW, aotc_memory_grow_entry);
  SET(AOTC_HELPER_MEMORY_COPY, aotc_memory_copy_helper);
  SET(AOTC_HELPER_MEMORY_FILL, aotc_memory_fill_helper);
  SET(AOTC_HELPER_MEMORY_INIT, aotc_memory_init_helper);
  SET(AOTC_HELPER_DATA_DROP, aotc_data_drop_helper);
  SET(AOTC_HELPER_TABLE_INIT, aotc_table_init_helper);
  SET(AOTC_HELPER_ELEM_DROP, aotc_elem_drop_helper);
  SET(AOTC_HELPER_TABLE_COPY, aotc_table_copy_helper);
  SET(AOTC_HELPER_TABLE_FILL, aotc_table_fill_helper);
  SET(AOTC_HELPER_TABLE_GROW, aotc_table_grow_entry);
  SET(AOTC_HELPER_CATCH_CALL, aotc_catch_call);
  SET(AOTC_HELPER_UNWIND, aotc_unwind);
  SET(AOTC_HELPER_MEMEQUAL, aotc_memequal_helper);
  SET(AOTC_HELPER_MEMCHR, aotc_memchr_helper);
  SET(AOTC_HELPER_MEMCMP, aotc_memcmp_helper);
  aotc_has_sha1 = aotc_has_sha256();
  SET(AOTC_HELPER_SHA256, aotc_has_sha1 ? aotc_sha256_helper : aotc_no_sha256_helper);
  SET(AOTC_HELPER_KNOWN, aotc_has_crypto() ? aotc_known_helper : aotc_portable_known_helper);
}

void aotc_helpers_guard(struct aotc_instance* instance) {
  uint64_t* slots = (uint64_t*)(void*)(aotc_base(instance) + AOTC_HELPERS_OFFSET);
  SET(AOTC_HELPER_MEMORY_COPY, guarded_memory_copy);
  SET(AOTC_HELPER_MEMEQUAL, guarded_memequal);
  SET(AOTC_HELPER_MEMCHR, guarded_memchr);
  SET(AOTC_HELPER_MEMCMP, guarded_memcmp);
  SET(AOTC_HELPER_KNOWN, aotc_no_known_helper);
#undef SET
}
