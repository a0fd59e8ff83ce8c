/* cgroup.c - see cgroup.h. Groups are folders, limits are files in them. */
#define _GNU_SOURCE
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kPath = 4096, kValue = 64, kText = 4096 };

static bool put(int folder, const char* file, const char* value) {
  int fd = openat(folder, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t size = strlen(value);
  bool good = write(fd, value, size) == (ssize_t)size;
  int code = errno;
  close(fd);
  errno = code;
  return good;
}

static bool put_number(int folder, const char* file, uint64_t value) {
  char text[kValue];
  snprintf(text, sizeof text, "%" PRIu64, value);
  return value == 0 || put(folder, file, text);
}

static bool get(int folder, const char* file, char text[kText]) {
  int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, text, kText - 1);
  if (fd >= 0) close(fd);
  text[size < 0 ? 0 : size] = 0;
  return size >= 0;
}

/* The folder of this process's own group: where the file system is mounted, and "0::/..." of /proc/self/cgroup. */
static bool own_folder(char path[kPath]) {
  char line[kPath], point[kPath] = "", group[kPath] = "";
  FILE* file = fopen("/proc/self/mountinfo", "re");
  while (file != NULL && point[0] == 0 && fgets(line, sizeof line, file) != NULL) {
    const char* type = strstr(line, " - cgroup2 ");
    if (type == NULL || sscanf(line, "%*s %*s %*s / %4095s", point) != 1) point[0] = 0;
  }
  if (file != NULL) fclose(file);
  file = fopen("/proc/self/cgroup", "re");
  while (file != NULL && group[0] == 0 && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "0::%4095s", group) != 1) group[0] = 0;
  if (file != NULL) fclose(file);
  if (point[0] == 0 || group[0] == 0 || strstr(group, "..") != NULL) return errno = ENOENT, false;
  return (size_t)snprintf(path, kPath, "%s%s", point, strcmp(group, "/") == 0 ? "" : group) < kPath;
}

int aotc_cgroup_open(const char* folder) {
  char path[kPath];
  if (folder == NULL && !own_folder(path)) return -1;
  int parent = open(folder != NULL ? folder : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return -1;
  char controllers[kText];
  bool good = get(parent, "cgroup.controllers", controllers) && strstr(controllers, "memory") != NULL &&
              strstr(controllers, "pids") != NULL;
  if (!good) errno = ENOTSUP;
  good = good && (mkdirat(parent, "main", 0755) == 0 || errno == EEXIST) && put(parent, "main/cgroup.procs", "0");
  bool moved = good;
  good = good && put(parent, "cgroup.subtree_control", "+memory +pids");
  /* Not everywhere: not while there are processes of real time. */
  if (good && strstr(controllers, "cpu") != NULL) put(parent, "cgroup.subtree_control", "+cpu");
  if (good) return parent;
  int code = errno;
  if (moved && put(parent, "cgroup.procs", "0")) unlinkat(parent, "main", AT_REMOVEDIR);
  close(parent);
  errno = code;
  return -1;
}

uint64_t aotc_cgroup_memory_limit(const char* folder) {
  char path[kPath], text[kText];
  uint64_t least = UINT64_MAX;
  if (folder != NULL && (size_t)snprintf(path, kPath, "%s", folder) >= kPath) return least;
  if (folder == NULL && !own_folder(path)) return least;
  for (char* end = path + strlen(path); end != NULL; end = strrchr(path, '/')) {
    *end = 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t most = fd >= 0 && get(fd, "memory.max", text) && text[0] != 'm' ? strtoull(text, NULL, 10) : 0;
    if (fd >= 0) close(fd);
    if (most != 0 && most < least) least = most;
  }
  return least;
}

static bool set_limits(int group, const struct aotc_cgroup_limits* limits) {
  if (limits->memory != 0 && !put(group, "memory.swap.max", "0") && errno != ENOENT) return false;
  /* The whole group ends with one of its processes, so that none goes on without its threads' memory. */
  if (!put(group, "memory.oom.group", "1") && errno != ENOENT) return false;
  return put_number(group, "memory.max", limits->memory) && put_number(group, "pids.max", limits->processes) &&
         (put_number(group, "cpu.weight", limits->weight) || errno == ENOENT);
}

int aotc_cgroup_make(int parent, const char* name, const struct aotc_cgroup_limits* limits) {
  if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST) return -1;
  int group = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group < 0) return -1;
  int procs = set_limits(group, limits) ? openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;
  int code = errno;
  close(group);
  if (procs < 0) unlinkat(parent, name, AT_REMOVEDIR);
  errno = code;
  return procs;
}

static bool get_of(int parent, const char* name, const char* file, char text[kText]) {
  char path[kPath];
  return (size_t)snprintf(path, sizeof path, "%s/%s", name, file) < sizeof path && get(parent, path, text);
}

uint64_t aotc_cgroup_memory(int parent, const char* name) {
  char text[kText];
  return get_of(parent, name, "memory.current", text) ? strtoull(text, NULL, 10) : 0;
}

uint64_t aotc_cgroup_killed(int parent, const char* name) {
  char text[kText];
  const char* line = get_of(parent, name, "memory.events", text) ? strstr(text, "oom_kill ") : NULL;
  return line == NULL ? 0 : strtoull(line + strlen("oom_kill "), NULL, 10);
}

void aotc_cgroup_kill(int parent, const char* name) {
  char path[kPath];
  if ((size_t)snprintf(path, sizeof path, "%s/cgroup.kill", name) < sizeof path) put(parent, path, "1");
}

int aotc_cgroup_remove(int parent, const char* name) { return unlinkat(parent, name, AT_REMOVEDIR); }
