/* kv.h - what a program and the broker say to each other about the app's key-value store, in a stream of the service
 * AOTC_OUTBOUND_KV (outbound.h).
 *
 * The program sends requests, each struct aotc_kv_request with `size` bytes behind it: the key, then the value. Each is
 * answered in turn, by struct aotc_kv_answer with `size` bytes: of GET the value; of ADD the sum; of LIST keys, each
 * after its length in two bytes, and with `version` 1, which says that there may be more, once more the one after which
 * these are. The stream may be written as soon as it was asked for. Anything else is the end of the stream.
 */
#ifndef AOTC_KV_H
#define AOTC_KV_H

#include <stdint.h>

#define AOTC_KV_MAX_KEY 480u
#define AOTC_KV_MAX_VALUE (128u << 10) /* so that a request is smaller than AOTC_OUTBOUND_WINDOW */
#define AOTC_KV_MAX_LIST 1000u         /* keys of an answer */

enum aotc_kv_operation {
  AOTC_KV_GET = 1,
  AOTC_KV_PUT,    /* `version` is the one that it is to replace, 0 for none, AOTC_KV_ANY for whatever is there */
  AOTC_KV_DELETE, /* the same, but 0 */
  AOTC_KV_LIST,   /* keys that begin with the key, in order; those after the one that is the value */
  AOTC_KV_ADD     /* `milliseconds`, with a sign, to the number that is there, in decimal; to 0 if nothing is */
};
#define AOTC_KV_ANY UINT64_MAX

enum aotc_kv_status {
  AOTC_KV_OK,
  AOTC_KV_NOT_THERE,
  AOTC_KV_CONFLICT, /* another version is there */
  AOTC_KV_FULL,     /* the app has as much as it may have */
  AOTC_KV_WRONG,    /* no such operation, no key */
  AOTC_KV_FAILED,   /* the store cannot be used: the operator's log says why */
  AOTC_KV_NO_NUMBER /* of ADD: what is there, or would be, is none of 64 bits */
};

struct aotc_kv_request {
  uint32_t size;
  uint16_t operation, key_size;
  uint64_t version;
  uint64_t milliseconds; /* PUT: until it goes; 0: it stays. LIST: how many at most */
};

struct aotc_kv_answer {
  uint32_t size, status;
  uint64_t version; /* of GET, PUT and ADD: grows with each PUT and ADD of the app */
  uint64_t expires; /* of GET: milliseconds since 1970, 0 for never */
};

#endif
