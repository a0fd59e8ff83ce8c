/* wasi_streams.h - streams of a channel to the broker (aotc/outbound.h), for the files of the WASI host.
 *
 * Nothing here waits: what cannot be done now answers EAGAIN. Errors are errnos of the host's.
 */
#ifndef AOTC_WASI_OUTBOUND_H
#define AOTC_WASI_OUTBOUND_H

#include <sys/uio.h>

#include "aotc/outbound.h"

struct aotc_stream;

/* Null, and *error, when that cannot be: ENETUNREACH without a broker. */
struct aotc_stream* aotc_stream_open(struct aotc_outbound* outbound, enum aotc_outbound_service service,
                                     const char* name, size_t size, uint16_t port, void* owner, int* error);
void aotc_stream_close(struct aotc_stream* stream);
/* EINPROGRESS until it is known; then 0 and `ends`, or why it failed. */
int aotc_stream_state(const struct aotc_stream* stream, struct aotc_outbound_ends* ends);
/* Whether it can be read or written without waiting, were it to fail; and how much. */
bool aotc_stream_ready(const struct aotc_stream* stream, bool read, uint64_t* bytes);
int aotc_stream_read(struct aotc_stream* stream, const struct iovec* vectors, int count, bool peek, uint32_t* moved);
int aotc_stream_write(struct aotc_stream* stream, const struct iovec* vectors, int count, uint32_t* moved);
/* No more is read, or written. */
int aotc_stream_shutdown(struct aotc_stream* stream, bool read, bool write);

#endif
