/* io.h - whole reads and writes: what read(2) and write(2) do in pieces, or break off for a signal. C, for all
 * programs. */
#ifndef AOTC_SUPPORT_IO_H
#define AOTC_SUPPORT_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* False with errno when not all was written. */
bool aotc_write_all(int fd, const void* bytes, size_t size);
/* Until there are `size` bytes or no more: how many, or -1 with errno. The second from `offset` on, wherever the file
 * was read before. */
ssize_t aotc_read_all(int fd, void* bytes, size_t size);
ssize_t aotc_pread_all(int fd, void* bytes, size_t size, off_t offset);

#ifdef __cplusplus
}
#endif

#endif
