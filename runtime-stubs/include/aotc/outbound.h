/* outbound.h - connections that programs make: a channel to whoever makes them (tools/broker), and the streams in it.
 *
 * A process that runs programs cannot connect. It says over a stream socket what a program asks for, and the broker at
 * the other end does it if that is allowed. Both sides send frames: struct aotc_outbound_frame, then `size` bytes.
 *
 *   to the broker     OPEN    a service for a stream: `value` is enum aotc_outbound_service, and a port above 16 bits;
 *                             then a name, or an address as text
 *                     CLOSE   the program has closed it: nothing more comes, and nothing is wanted
 *   from the broker   OPENED  struct aotc_outbound_ends: bytes may follow
 *                     FAILED  the stream is over: `value` is an errno. Nothing more comes
 *   both ways         DATA    bytes
 *                     END     no more DATA from here
 *                     TAKEN   `value` bytes of DATA have gone on; so no more than AOTC_OUTBOUND_WINDOW are under way
 *
 * Numbers of streams are the program's side's. What comes for a stream that is not there was sent before a CLOSE
 * arrived. Neither side believes the other more than that: anything else is the end of the channel.
 */
#ifndef AOTC_OUTBOUND_H
#define AOTC_OUTBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AOTC_OUTBOUND_WINDOW (256u << 10)
#define AOTC_OUTBOUND_MAX_FRAME (64u << 10) /* bytes after the head */
#define AOTC_OUTBOUND_MAX_NAME 255u
#define AOTC_OUTBOUND_MAX_ADDRESSES 32u

enum aotc_outbound_kind {
  AOTC_OUTBOUND_OPEN = 1,
  AOTC_OUTBOUND_CLOSE,
  AOTC_OUTBOUND_OPENED,
  AOTC_OUTBOUND_FAILED,
  AOTC_OUTBOUND_DATA,
  AOTC_OUTBOUND_END,
  AOTC_OUTBOUND_TAKEN
};

enum aotc_outbound_service {
  AOTC_OUTBOUND_LOOKUP = 1, /* addresses of a name, 16 bytes each, IPv4 as ::ffff:192.0.2.1; then the end */
  AOTC_OUTBOUND_CONNECT,    /* bytes to and from a port; or requests and responses of HTTP/1.1, if that is allowed */
  AOTC_OUTBOUND_HTTPS,      /* requests and responses of HTTP/1.1, which the broker makes over TLS */
  AOTC_OUTBOUND_KV          /* the app's key-value store (kv.h): may be written to at once; the name is "kv" */
};

struct aotc_outbound_frame {
  uint32_t size, stream, kind, value;
};

struct aotc_outbound_end {
  uint8_t address[16]; /* IPv4 as ::ffff:192.0.2.1; zeros when there is none */
  uint16_t port, reserved[3];
};
struct aotc_outbound_ends {
  struct aotc_outbound_end local, remote;
};

/* --- the program's side: one channel for a thread, whose instances share it ------------------------------------- */

struct aotc_outbound;

/* `fd` is a connected socket, and belongs to it. Null when there is no memory. */
struct aotc_outbound* aotc_outbound_create(int fd);
void aotc_outbound_destroy(struct aotc_outbound* outbound);
/* To be waited for; -1 when the broker is gone, with which all streams failed. */
int aotc_outbound_fd(const struct aotc_outbound* outbound);
/* Bytes that the broker has not taken. */
size_t aotc_outbound_queued(const struct aotc_outbound* outbound);
/* Writes what can be written. */
void aotc_outbound_flush(struct aotc_outbound* outbound);
/* Reads what is there, and tells for each stream to which something happened whose it is: what aotc_stream_open was
 * given. */
void aotc_outbound_receive(struct aotc_outbound* outbound, void (*happened)(void* data, void* owner), void* data);

/* Its streams. Nothing here waits: what cannot be done now answers EAGAIN. Errors are errnos of the host's. */
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

#ifdef __cplusplus
}
#endif
#endif
