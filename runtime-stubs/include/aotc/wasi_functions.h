/* wasi_functions.h - what programs can import from the WASI host: one list, of which the runtime makes the table that
 * resolves imports, and the compiler learns which imports a program can have.
 *
 * AOTC_WASI_FUNCTIONS(F) is F(name, type) for each function, sorted by name; types are written as in host.h.
 */
#ifndef AOTC_WASI_FUNCTIONS_H
#define AOTC_WASI_FUNCTIONS_H

#define AOTC_WASI_NAME "wasi_snapshot_preview1"

#define AOTC_WASI_FUNCTIONS(F)            \
  F(args_get, "ii:i")                     \
  F(args_sizes_get, "ii:i")               \
  F(clock_res_get, "ii:i")                \
  F(clock_time_get, "iIi:i")              \
  F(environ_get, "ii:i")                  \
  F(environ_sizes_get, "ii:i")            \
  F(fd_advise, "iIIi:i")                  \
  F(fd_allocate, "iII:i")                 \
  F(fd_close, "i:i")                      \
  F(fd_datasync, "i:i")                   \
  F(fd_fdstat_get, "ii:i")                \
  F(fd_fdstat_set_flags, "ii:i")          \
  F(fd_fdstat_set_rights, "iII:i")        \
  F(fd_filestat_get, "ii:i")              \
  F(fd_filestat_set_size, "iI:i")         \
  F(fd_filestat_set_times, "iIIi:i")      \
  F(fd_pread, "iiiIi:i")                  \
  F(fd_prestat_dir_name, "iii:i")         \
  F(fd_prestat_get, "ii:i")               \
  F(fd_pwrite, "iiiIi:i")                 \
  F(fd_read, "iiii:i")                    \
  F(fd_readdir, "iiiIi:i")                \
  F(fd_renumber, "ii:i")                  \
  F(fd_seek, "iIii:i")                    \
  F(fd_sync, "i:i")                       \
  F(fd_tell, "ii:i")                      \
  F(fd_write, "iiii:i")                   \
  F(path_create_directory, "iii:i")       \
  F(path_filestat_get, "iiiii:i")         \
  F(path_filestat_set_times, "iiiiIIi:i") \
  F(path_link, "iiiiiii:i")               \
  F(path_open, "iiiiiIIii:i")             \
  F(path_readlink, "iiiiii:i")            \
  F(path_remove_directory, "iii:i")       \
  F(path_rename, "iiiiii:i")              \
  F(path_symlink, "iiiii:i")              \
  F(path_unlink_file, "iii:i")            \
  F(poll_oneoff, "iiii:i")                \
  F(proc_exit, "i:")                      \
  F(proc_raise, "i:i")                    \
  F(random_get, "ii:i")                   \
  F(sched_yield, ":i")                    \
  F(sock_accept, "iii:i")                 \
  F(sock_recv, "iiiiii:i")                \
  F(sock_send, "iiiii:i")                 \
  F(sock_shutdown, "ii:i")

/* Connections that programs make (wasi_outbound.c), AOTC_OUTBOUND_FUNCTIONS(F) likewise. */
#define AOTC_OUTBOUND_NAME "aotc_outbound"

#define AOTC_OUTBOUND_FUNCTIONS(F) \
  F(open, "iiiii:i")               \
  F(state, "ii:i")

/* What the Go package edge asks (wasi_edge.c), AOTC_EDGE_FUNCTIONS(F) likewise. */
#define AOTC_EDGE_NAME "aotc_edge"

#define AOTC_EDGE_FUNCTIONS(F) \
  F(done, ":i")                \
  F(events, "ii:i")            \
  F(request, "iii:i")          \
  F(thawed, ":i")              \
  F(value, "iiiiii:i")

#endif
