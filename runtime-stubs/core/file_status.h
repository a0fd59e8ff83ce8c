/* file_status.h - fstat as the call of that name. The C library's may be newfstatat, which takes paths, so that a
 * process that is not to name any (tools/sandbox) cannot have it. */
#ifndef AOTC_FILE_STATUS_H
#define AOTC_FILE_STATUS_H

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int aotc_fstat(int fd, struct stat* status) { return (int)syscall(SYS_fstat, fd, status); }

#endif
