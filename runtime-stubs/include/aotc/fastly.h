/* fastly.h - Fastly Compute as a host (host.h), and pools of programs that were written for it.
 *
 * Such a program asks for its request by a call that waits, and is frozen there; it answers by others. To whoever has
 * the pool it is a server as any other: the request comes by the connection, and the response goes there
 * (aotc_serve_pool_create, aotc_slot_begin). Its stores are what the operator gives it by name: the value of KEY in the
 * config store or secret store STORE is the one named STORE.KEY. Its KV stores and
 * backends are the broker's (outbound.h).
 */
#ifndef AOTC_FASTLY_H
#define AOTC_FASTLY_H

#include "aotc/wasi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether an artifact, or an image's, is one: what it imports says so. */
bool aotc_is_fastly(const struct aotc_artifact* artifact);
bool aotc_serve_is_fastly(const struct aotc_image* image);

/* Of a program that is to be frozen: it may ask for its request, and before for stores and logs by name, no more. */
enum aotc_status aotc_fastly_freezer_create(struct aotc_wasi* wasi, struct aotc_host** host, struct aotc_error* error);

/* A server that programs know by a name. */
struct aotc_fastly_backend {
  const char *name, *host; /* the host without brackets */
  uint16_t port;
  bool tls;
};
/* As aotc_serve_pool_create, with room for `limit` bytes of each instance's messages. It outlives the pool. */
struct aotc_fastly_options {
  size_t limit;
  size_t backend_count;
  const struct aotc_fastly_backend* backends;
};
enum aotc_status aotc_fastly_pool_create(const struct aotc_image* image, const struct aotc_pool_options* options,
                                         const struct aotc_serve_options* serve,
                                         const struct aotc_fastly_options* fastly, struct aotc_pool** pool,
                                         struct aotc_error* error);

#ifdef __cplusplus
}
#endif
#endif
