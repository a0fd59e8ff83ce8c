/* wasi.c - creation and destruction of a WASI host, and the table through which imports find their functions.
 *
 * In: struct aotc_wasi_options. Out: a struct aotc_host. The table is the sorted list AOTC_WASI_FUNCTIONS of
 * aotc/wasi_functions.h, so that declaration, name and type are written once; it is searched by bisection, because
 * linking is on the path of a cold start. An import with a known name and another type is not found: calling it would
 * misread the arguments.
 */
#define _GNU_SOURCE
#include "wasi_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct function {
  const char* name;
  const char* type;
  aotc_host_function function;
};
static const struct function kFunctions[] = {
#define AOTC_WASI_ENTRY(name, type) {#name, type, aotc_wasi_##name},
    AOTC_WASI_FUNCTIONS(AOTC_WASI_ENTRY)};

static const struct function kOutbound[] = {
#define AOTC_OUTBOUND_ENTRY(name, type) {#name, type, aotc_wasi_outbound_##name},
    AOTC_OUTBOUND_FUNCTIONS(AOTC_OUTBOUND_ENTRY)};

static const struct function kEdge[] = {
#define AOTC_EDGE_ENTRY(name, type) {#name, type, aotc_wasi_edge_##name},
    AOTC_EDGE_FUNCTIONS(AOTC_EDGE_ENTRY)};

static aotc_host_function find(const struct function* functions, size_t count, const char* field, const char* type) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = strcmp(field, functions[middle].name);
    if (order == 0) return strcmp(type, functions[middle].type) == 0 ? functions[middle].function : NULL;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

static aotc_host_function resolve(struct aotc_host* host, const char* module, const char* field, const char* type) {
  (void)host;
  if (strcmp(module, AOTC_WASI_NAME) == 0)
    return find(kFunctions, sizeof kFunctions / sizeof kFunctions[0], field, type);
  if (strcmp(module, AOTC_OUTBOUND_NAME) == 0)
    return find(kOutbound, sizeof kOutbound / sizeof kOutbound[0], field, type);
  if (strcmp(module, AOTC_EDGE_NAME) == 0) return find(kEdge, sizeof kEdge / sizeof kEdge[0], field, type);
  return NULL;
}

static void destroy(struct aotc_host* host) { aotc_wasi_destroy((struct aotc_wasi*)host); }

static const struct aotc_host_interface kInterface = {.name = AOTC_WASI_NAME,
                                                      .resolve = resolve,
                                                      .destroy = destroy,
                                                      .keep = aotc_wasi_keep,
                                                      .restore = aotc_wasi_restore,
                                                      .wake_time = aotc_wasi_wake_time,
                                                      .freeze = aotc_wasi_save,
                                                      .report = aotc_wasi_report,
                                                      .matches = aotc_wasi_matches,
                                                      .thaw = aotc_wasi_thaw,
                                                      .begin = aotc_wasi_begin};

struct aotc_host* aotc_wasi_host(struct aotc_wasi* wasi) { return &wasi->host; }

static enum aotc_status fail(struct aotc_error* error, enum aotc_status status, const char* what, const char* name) {
  int saved = errno;
  error->status = status;
  snprintf(error->message, sizeof error->message, "wasi: %s%s%s%s%s", what, name ? " " : "", name ? name : "",
           status == AOTC_ERROR_IO ? ": " : "", status == AOTC_ERROR_IO ? strerror(saved) : "");
  return status;
}

static enum aotc_status copy_strings(struct aotc_wasi_strings* out, size_t count, const char* const* strings,
                                     const char* what, struct aotc_error* error) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) bytes += strlen(strings[i]) + 1;
  /* The guest addresses them with 32 bits, pointers included. */
  if (count > (1u << 26) || bytes > (1u << 30)) return fail(error, AOTC_ERROR_LIMIT, "too many or too long", what);
  out->count = (uint32_t)count;
  out->bytes = (uint32_t)bytes;
  out->text = malloc(bytes ? bytes : 1);
  if (!out->text) return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  char* p = out->text;
  for (size_t i = 0; i < count; i++) p = stpcpy(p, strings[i]) + 1;
  return AOTC_OK;
}

/* A broken pipe or a full quota is an errno to the guest, not the end of the process. */
static void ignore_if_default(int signal_number) {
  struct sigaction action;
  if (sigaction(signal_number, NULL, &action) != 0 || (action.sa_flags & SA_SIGINFO) || action.sa_handler != SIG_DFL)
    return;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_IGN;
  sigaction(signal_number, &action, NULL);
}

static enum aotc_status add_stdio(struct aotc_wasi* wasi, int number, const struct aotc_wasi_options* options,
                                  struct aotc_error* error) {
  uint32_t fd;
  struct aotc_wasi_fd* entry;
  int host = options->stdio[number];
  if (aotc_wasi_reserve(wasi, &fd, &entry) != 0) return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  if (options->connection_is_stdio && number < 2) {
    uint64_t other = number == 0 ? WASI_RIGHT_FD_WRITE : WASI_RIGHT_FD_READ;
    *entry = (struct aotc_wasi_fd){.kind = AOTC_WASI_CONNECTION, .host = -1, .rights = WASI_RIGHTS_STREAM & ~other};
    return AOTC_OK;
  }
  if (options->connection_has_log && number > 0) {
    *entry =
        (struct aotc_wasi_fd){.kind = AOTC_WASI_LOG, .host = -1, .rights = WASI_RIGHTS_STREAM & ~WASI_RIGHT_FD_READ};
    return AOTC_OK;
  }
  if (host < 0) {
    *entry = (struct aotc_wasi_fd){
        .kind = AOTC_WASI_NULL, .filetype = WASI_FILETYPE_CHARACTER_DEVICE, .host = -1, .rights = WASI_RIGHTS_STREAM};
    return AOTC_OK;
  }
  if (aotc_wasi_install(entry, host, false) != 0) return fail(error, AOTC_ERROR_IO, "standard descriptor", NULL);
  entry->sigpipe = options->sigpipe;
  /* A shell's `< /` is no grant of a file system. */
  if (entry->kind == AOTC_WASI_DIRECTORY) {
    entry->rights = WASI_RIGHT_FD_FILESTAT_GET;
    entry->inheriting = 0;
  }
  return AOTC_OK;
}

static enum aotc_status add_listener(struct aotc_wasi* wasi, int host, struct aotc_error* error) {
  uint32_t fd;
  struct aotc_wasi_fd* entry;
  if (aotc_wasi_reserve(wasi, &fd, &entry) != 0) return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  int flags = fcntl(host, F_GETFL);
  if (flags < 0 || fcntl(host, F_SETFL, flags | O_NONBLOCK) < 0) return fail(error, AOTC_ERROR_IO, "listener", NULL);
  fcntl(host, F_SETFD, FD_CLOEXEC);
  if (aotc_wasi_install(entry, host, true) != 0) return fail(error, AOTC_ERROR_IO, "listener", NULL);
  if (entry->kind != AOTC_WASI_LISTENER) return fail(error, AOTC_ERROR_ARGUMENT, "not a listening socket", NULL);
  /* As other hosts do. Go does not ask for it, and would wait in accept with all its goroutines. */
  entry->flags = WASI_FDFLAG_NONBLOCK;
  return AOTC_OK;
}

static enum aotc_status add_virtual_listener(struct aotc_wasi* wasi, struct aotc_connection* connection,
                                             struct aotc_error* error) {
  uint32_t fd;
  struct aotc_wasi_fd* entry;
  if (aotc_wasi_reserve(wasi, &fd, &entry) != 0) return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  *entry = AOTC_WASI_VIRTUAL_LISTENER;
  wasi->connection = connection;
  return AOTC_OK;
}

static enum aotc_status add_directory(struct aotc_wasi* wasi, const struct aotc_wasi_dir* dir,
                                      struct aotc_error* error) {
  uint32_t fd;
  struct aotc_wasi_fd* entry;
  if (aotc_wasi_reserve(wasi, &fd, &entry) != 0) return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  int host = open(dir->host_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (host < 0) return fail(error, AOTC_ERROR_IO, "directory", dir->host_path);
  if (aotc_wasi_install(entry, host, true) != 0) {
    close(host);
    return fail(error, AOTC_ERROR_IO, "directory", dir->host_path);
  }
  entry->read_only = dir->read_only;
  entry->preopen = strdup(dir->guest_path);
  if (!entry->preopen) return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  return AOTC_OK;
}

bool aotc_wasi_dirs_cover_tmp(const struct aotc_wasi_dir* dirs, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    size_t length = strlen(dirs[i].guest_path);
    while (length > 0 && dirs[i].guest_path[length - 1] == '/') --length;
    bool root = length == 0 && dirs[i].guest_path[0] == '/';
    if (root || (length == strlen(AOTC_WASI_TMP) && memcmp(dirs[i].guest_path, AOTC_WASI_TMP, length) == 0))
      return true;
  }
  return false;
}

static enum aotc_status add_kept(struct aotc_wasi* wasi, const struct aotc_wasi_kept* kept, struct aotc_error* error) {
  for (uint32_t i = 0; kept != NULL && i < kept->count; ++i) {
    uint32_t fd;
    struct aotc_wasi_fd* entry;
    char* path = strdup(kept->list[i].guest_path);
    if (path == NULL || aotc_wasi_reserve(wasi, &fd, &entry) != 0) {
      free(path);
      return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
    }
    aotc_wasi_install_node(entry, aotc_tmp_root(kept->list[i].tree));
    aotc_tmp_hold(entry->node);
    entry->preopen = path;
    entry->read_only = true;
  }
  return AOTC_OK;
}

static enum aotc_status add_tmp(struct aotc_wasi* wasi, uint64_t size, struct aotc_error* error) {
  uint32_t fd;
  struct aotc_wasi_fd* entry;
  char* path = strdup(AOTC_WASI_TMP);
  wasi->tmp = aotc_tmp_create(size);
  if (path == NULL || wasi->tmp == NULL || aotc_wasi_reserve(wasi, &fd, &entry) != 0) {
    free(path);
    return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  }
  aotc_wasi_install_node(entry, aotc_tmp_root(wasi->tmp));
  aotc_tmp_hold(entry->node);
  entry->preopen = path;
  return AOTC_OK;
}

static enum aotc_status add_nothing(struct aotc_wasi* wasi, struct aotc_error* error) {
  uint32_t fd;
  struct aotc_wasi_fd* entry;
  if (aotc_wasi_reserve(wasi, &fd, &entry) != 0) return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  *entry = (struct aotc_wasi_fd){.kind = AOTC_WASI_NULL, .host = -1};
  return AOTC_OK;
}

/* The secrets come last, so that they are where they were for whoever is given the same ones. */
static enum aotc_status copy_environment(struct aotc_wasi* wasi, const struct aotc_wasi_options* options,
                                         struct aotc_error* error) {
  size_t count = options->env_count + options->secret_count;
  const char** all = calloc(count + 1, sizeof *all);
  wasi->secrets = calloc(options->secret_count + 1, sizeof *wasi->secrets);
  if (!all || !wasi->secrets) {
    free(all);
    return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  }
  for (size_t i = 0; i < count; i++)
    all[i] = i < options->env_count ? options->env[i] : options->secrets[i - options->env_count];
  enum aotc_status status = copy_strings(&wasi->environ, count, all, "environment", error);
  uint32_t at = 0;
  for (size_t i = 0; i < count && status == AOTC_OK; i++) {
    const char* text = wasi->environ.text + at;
    uint32_t size = (uint32_t)strlen(text), name = (uint32_t)strcspn(text, "=") + 1;
    if (i >= options->env_count)
      wasi->secrets[wasi->secret_count++] =
          (struct aotc_wasi_secret){.environ = at, .name_size = name, .value_size = size < name ? 0 : size - name};
    at += size + 1;
  }
  free(all);
  return status;
}

enum aotc_status aotc_wasi_create(const struct aotc_wasi_options* options, struct aotc_wasi** out,
                                  struct aotc_error* error) {
  *out = NULL;
  ignore_if_default(SIGPIPE);
  ignore_if_default(SIGXFSZ);
  struct aotc_wasi* wasi = calloc(1, sizeof *wasi);
  if (!wasi) return fail(error, AOTC_ERROR_LIMIT, "out of memory", NULL);
  wasi->host.interface = &kInterface;
  wasi->outbound = options->outbound;
  wasi->blocks = options->connection_blocks;
  if (!options->freeze) wasi->edge.values = options->values;
  enum aotc_status status =
      copy_strings(&wasi->args, options->argc > 0 ? (size_t)options->argc : 0, options->argv, "arguments", error);
  if (status == AOTC_OK) status = copy_environment(wasi, options, error);
  if (options->freeze && status == AOTC_OK) status = aotc_wasi_freeze_setup(wasi, options, error);
  for (int i = 0; i < 3 && status == AOTC_OK && !options->freeze; i++) status = add_stdio(wasi, i, options, error);
  if (options->connection && status == AOTC_OK) status = add_virtual_listener(wasi, options->connection, error);
  for (size_t i = 0; i < options->listener_count && status == AOTC_OK && !options->freeze; i++)
    status = add_listener(wasi, options->listeners[i], error);
  for (size_t i = 0; i < options->no_listeners && status == AOTC_OK; i++) status = add_nothing(wasi, error);
  for (size_t i = 0; i < options->dir_count && status == AOTC_OK; i++)
    status = add_directory(wasi, &options->dirs[i], error);
  if (status == AOTC_OK) status = add_kept(wasi, options->kept, error);
  if (options->tmp_size != 0 && status == AOTC_OK) status = add_tmp(wasi, options->tmp_size, error);
  if (status != AOTC_OK) {
    /* Nothing has been created, so the listeners are still the caller's. */
    for (uint32_t i = 0; i < wasi->fd_count; i++)
      if (wasi->fds[i].kind != AOTC_WASI_DIRECTORY) wasi->fds[i].owned = false;
    aotc_wasi_destroy(wasi);
    return status;
  }
  *out = wasi;
  return AOTC_OK;
}

void aotc_wasi_destroy(struct aotc_wasi* wasi) {
  if (!wasi) return;
  aotc_wasi_restore(&wasi->host);
  for (uint32_t i = 0; i < wasi->fd_count; i++) wasi->fds[i].kept = false;
  aotc_wasi_close_all(wasi);
  aotc_tmp_destroy(wasi->tmp);
  free(wasi->kept);
  if (wasi->owns_connection) {
    free(wasi->connection->out);
    free(wasi->connection->log);
    free(wasi->connection);
  }
  aotc_wasi_freeze_release(wasi);
  free(wasi->fds);
  free(wasi->poll_fds);
  free(wasi->args.text);
  free(wasi->environ.text);
  free(wasi->secrets);
  free(wasi);
}
