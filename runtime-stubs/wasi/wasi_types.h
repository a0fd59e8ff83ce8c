/* wasi_types.h - the numbers of wasi_snapshot_preview1, as the public witx files define them.
 *
 * Constants and byte offsets only. Guest structures are never overlaid with C structs: guest pointers may be unaligned,
 * and a compiler's padding is not the specification's. Every structure is read and written at the offsets below with the
 * helpers of wasi.h.
 */
#ifndef AOTC_WASI_TYPES_H
#define AOTC_WASI_TYPES_H

#include <stdint.h>

enum aotc_wasi_errno {
  WASI_SUCCESS = 0,
  WASI_E2BIG = 1,
  WASI_EACCES,
  WASI_EADDRINUSE,
  WASI_EADDRNOTAVAIL,
  WASI_EAFNOSUPPORT,
  WASI_EAGAIN,
  WASI_EALREADY,
  WASI_EBADF,
  WASI_EBADMSG,
  WASI_EBUSY,
  WASI_ECANCELED,
  WASI_ECHILD,
  WASI_ECONNABORTED,
  WASI_ECONNREFUSED,
  WASI_ECONNRESET,
  WASI_EDEADLK,
  WASI_EDESTADDRREQ,
  WASI_EDOM,
  WASI_EDQUOT,
  WASI_EEXIST,
  WASI_EFAULT,
  WASI_EFBIG,
  WASI_EHOSTUNREACH,
  WASI_EIDRM,
  WASI_EILSEQ,
  WASI_EINPROGRESS,
  WASI_EINTR,
  WASI_EINVAL,
  WASI_EIO,
  WASI_EISCONN,
  WASI_EISDIR,
  WASI_ELOOP,
  WASI_EMFILE,
  WASI_EMLINK,
  WASI_EMSGSIZE,
  WASI_EMULTIHOP,
  WASI_ENAMETOOLONG,
  WASI_ENETDOWN,
  WASI_ENETRESET,
  WASI_ENETUNREACH,
  WASI_ENFILE,
  WASI_ENOBUFS,
  WASI_ENODEV,
  WASI_ENOENT,
  WASI_ENOEXEC,
  WASI_ENOLCK,
  WASI_ENOLINK,
  WASI_ENOMEM,
  WASI_ENOMSG,
  WASI_ENOPROTOOPT,
  WASI_ENOSPC,
  WASI_ENOSYS,
  WASI_ENOTCONN,
  WASI_ENOTDIR,
  WASI_ENOTEMPTY,
  WASI_ENOTRECOVERABLE,
  WASI_ENOTSOCK,
  WASI_ENOTSUP,
  WASI_ENOTTY,
  WASI_ENXIO,
  WASI_EOVERFLOW,
  WASI_EOWNERDEAD,
  WASI_EPERM,
  WASI_EPIPE,
  WASI_EPROTO,
  WASI_EPROTONOSUPPORT,
  WASI_EPROTOTYPE,
  WASI_ERANGE,
  WASI_EROFS,
  WASI_ESPIPE,
  WASI_ESRCH,
  WASI_ESTALE,
  WASI_ETIMEDOUT,
  WASI_ETXTBSY,
  WASI_EXDEV,
  WASI_ENOTCAPABLE = 76,
  /* Not an errno: the call ends here, the trap has been recorded in the instance. Never reaches the guest. */
  WASI_TRAPPED = 0x10000
};

#define WASI_RIGHT_FD_DATASYNC (1ull << 0)
#define WASI_RIGHT_FD_READ (1ull << 1)
#define WASI_RIGHT_FD_SEEK (1ull << 2)
#define WASI_RIGHT_FD_FDSTAT_SET_FLAGS (1ull << 3)
#define WASI_RIGHT_FD_SYNC (1ull << 4)
#define WASI_RIGHT_FD_TELL (1ull << 5)
#define WASI_RIGHT_FD_WRITE (1ull << 6)
#define WASI_RIGHT_FD_ADVISE (1ull << 7)
#define WASI_RIGHT_FD_ALLOCATE (1ull << 8)
#define WASI_RIGHT_PATH_CREATE_DIRECTORY (1ull << 9)
#define WASI_RIGHT_PATH_CREATE_FILE (1ull << 10)
#define WASI_RIGHT_PATH_LINK_SOURCE (1ull << 11)
#define WASI_RIGHT_PATH_LINK_TARGET (1ull << 12)
#define WASI_RIGHT_PATH_OPEN (1ull << 13)
#define WASI_RIGHT_FD_READDIR (1ull << 14)
#define WASI_RIGHT_PATH_READLINK (1ull << 15)
#define WASI_RIGHT_PATH_RENAME_SOURCE (1ull << 16)
#define WASI_RIGHT_PATH_RENAME_TARGET (1ull << 17)
#define WASI_RIGHT_PATH_FILESTAT_GET (1ull << 18)
#define WASI_RIGHT_PATH_FILESTAT_SET_SIZE (1ull << 19)
#define WASI_RIGHT_PATH_FILESTAT_SET_TIMES (1ull << 20)
#define WASI_RIGHT_FD_FILESTAT_GET (1ull << 21)
#define WASI_RIGHT_FD_FILESTAT_SET_SIZE (1ull << 22)
#define WASI_RIGHT_FD_FILESTAT_SET_TIMES (1ull << 23)
#define WASI_RIGHT_PATH_SYMLINK (1ull << 24)
#define WASI_RIGHT_PATH_REMOVE_DIRECTORY (1ull << 25)
#define WASI_RIGHT_PATH_UNLINK_FILE (1ull << 26)
#define WASI_RIGHT_POLL_FD_READWRITE (1ull << 27)
#define WASI_RIGHT_SOCK_SHUTDOWN (1ull << 28)
#define WASI_RIGHT_SOCK_ACCEPT (1ull << 29)
#define WASI_RIGHTS_ALL ((1ull << 30) - 1)

/* What each kind of descriptor can do at all; an open is granted at most this. */
#define WASI_RIGHTS_STREAM                                                                                             \
  (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_SYNC |                    \
   WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_TIMES |                            \
   WASI_RIGHT_POLL_FD_READWRITE)
#define WASI_RIGHTS_FILE                                                                                               \
  (WASI_RIGHTS_STREAM | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_ADVISE | WASI_RIGHT_FD_ALLOCATE |      \
   WASI_RIGHT_FD_FILESTAT_SET_SIZE)
#define WASI_RIGHTS_SOCKET (WASI_RIGHTS_STREAM | WASI_RIGHT_SOCK_SHUTDOWN)
#define WASI_RIGHTS_LISTENER                                                                                           \
  (WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_POLL_FD_READWRITE | WASI_RIGHT_SOCK_ACCEPT)
#define WASI_RIGHTS_DIRECTORY                                                                                          \
  (WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_READDIR |              \
   WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_PATH_CREATE_DIRECTORY |                  \
   WASI_RIGHT_PATH_CREATE_FILE | WASI_RIGHT_PATH_LINK_SOURCE | WASI_RIGHT_PATH_LINK_TARGET | WASI_RIGHT_PATH_OPEN |    \
   WASI_RIGHT_PATH_READLINK | WASI_RIGHT_PATH_RENAME_SOURCE | WASI_RIGHT_PATH_RENAME_TARGET |                          \
   WASI_RIGHT_PATH_FILESTAT_GET | WASI_RIGHT_PATH_FILESTAT_SET_SIZE | WASI_RIGHT_PATH_FILESTAT_SET_TIMES |             \
   WASI_RIGHT_PATH_SYMLINK | WASI_RIGHT_PATH_REMOVE_DIRECTORY | WASI_RIGHT_PATH_UNLINK_FILE |                          \
   WASI_RIGHT_POLL_FD_READWRITE)

enum aotc_wasi_filetype {
  WASI_FILETYPE_UNKNOWN = 0,
  WASI_FILETYPE_BLOCK_DEVICE = 1,
  WASI_FILETYPE_CHARACTER_DEVICE = 2,
  WASI_FILETYPE_DIRECTORY = 3,
  WASI_FILETYPE_REGULAR_FILE = 4,
  WASI_FILETYPE_SOCKET_DGRAM = 5,
  WASI_FILETYPE_SOCKET_STREAM = 6,
  WASI_FILETYPE_SYMBOLIC_LINK = 7
};

#define WASI_FDFLAG_APPEND 1u
#define WASI_FDFLAG_DSYNC 2u
#define WASI_FDFLAG_NONBLOCK 4u
#define WASI_FDFLAG_RSYNC 8u
#define WASI_FDFLAG_SYNC 16u
#define WASI_FDFLAGS_ALL 31u

#define WASI_LOOKUP_SYMLINK_FOLLOW 1u

#define WASI_OFLAG_CREAT 1u
#define WASI_OFLAG_DIRECTORY 2u
#define WASI_OFLAG_EXCL 4u
#define WASI_OFLAG_TRUNC 8u
#define WASI_OFLAGS_ALL 15u

#define WASI_FSTFLAG_ATIM 1u
#define WASI_FSTFLAG_ATIM_NOW 2u
#define WASI_FSTFLAG_MTIM 4u
#define WASI_FSTFLAG_MTIM_NOW 8u
#define WASI_FSTFLAGS_ALL 15u

#define WASI_CLOCK_REALTIME 0u
#define WASI_CLOCK_MONOTONIC 1u
#define WASI_CLOCK_PROCESS_CPUTIME 2u
#define WASI_CLOCK_THREAD_CPUTIME 3u

#define WASI_EVENTTYPE_CLOCK 0u
#define WASI_EVENTTYPE_FD_READ 1u
#define WASI_EVENTTYPE_FD_WRITE 2u
#define WASI_SUBCLOCK_ABSTIME 1u
#define WASI_EVENT_HANGUP 1u

#define WASI_RIFLAG_RECV_PEEK 1u
#define WASI_RIFLAG_RECV_WAITALL 2u
#define WASI_ROFLAG_RECV_DATA_TRUNCATED 1u
#define WASI_SDFLAG_RD 1u
#define WASI_SDFLAG_WR 2u

/* Sizes and offsets in bytes. */
#define WASI_IOVEC_SIZE 8u /* u32 buf, u32 len */
#define WASI_PRESTAT_SIZE 8u /* u8 tag (0: directory), u32 name length at 4 */
#define WASI_FDSTAT_SIZE 24u /* u8 filetype, u16 flags at 2, u64 base at 8, u64 inheriting at 16 */
/* u64 dev, u64 ino, u8 filetype at 16, u64 nlink at 24, size at 32, atim at 40, mtim at 48, ctim at 56 */
#define WASI_FILESTAT_SIZE 64u
#define WASI_DIRENT_SIZE 24u /* u64 next, u64 ino, u32 name length, u8 type at 20 */
/* u64 userdata, u8 tag at 8; clock: u32 id at 16, u64 timeout at 24, u64 precision at 32, u16 flags at 40; fd: u32 at 16 */
#define WASI_SUBSCRIPTION_SIZE 48u
#define WASI_EVENT_SIZE 32u /* u64 userdata, u16 error at 8, u8 type at 10, u64 nbytes at 16, u16 flags at 24 */

#endif
