/* named_files.c - see named_files.h. */
#define _GNU_SOURCE
#include "named_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

enum { kError = 512 };

static bool is_name(const char* name) {
  static const char kLetters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return strlen(name) <= AOTC_NAMED_FILE_MAX_NAME && name[strspn(name, kLetters)] == 0;
}

static const char* read_file(int fd, struct aotc_named_file* file) {
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0) return strerror(errno);
  if (!S_ISREG(info.st_mode)) return "it is not a file";
  file->bytes = malloc(AOTC_NAMED_FILE_MAX_SIZE + 2);
  if (file->bytes == NULL) return "out of memory";
  ssize_t size = aotc_read_all(fd, file->bytes, AOTC_NAMED_FILE_MAX_SIZE + 2);
  if (size < 0) return strerror(errno);
  if (size > 0 && file->bytes[size - 1] == '\n') --size;
  if (size > AOTC_NAMED_FILE_MAX_SIZE) return "it has more than 65536 bytes";
  char* smaller = realloc(file->bytes, (size_t)size + 1);
  if (smaller != NULL) file->bytes = smaller;
  file->size = (uint32_t)size;
  return NULL;
}

static const char* add(struct aotc_named_files* files, int folder, const char* name) {
  if (!is_name(name)) return "a name has up to 128 letters, digits, '.', '_' and '-'";
  if (files->count == AOTC_NAMED_FILES_MAX) return "there are more than 1024 files";
  struct aotc_named_file* larger = realloc(files->list, (files->count + 1) * sizeof(*larger));
  if (larger == NULL) return "out of memory";
  files->list = larger;
  struct aotc_named_file* file = &files->list[files->count++];
  memset(file, 0, sizeof(*file));
  memcpy(file->name, name, strlen(name));
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  const char* wrong = read_file(fd, file);
  if (fd >= 0) close(fd);
  return wrong;
}

static int by_name(const void* a, const void* b) {
  return strcmp(((const struct aotc_named_file*)a)->name, ((const struct aotc_named_file*)b)->name);
}

bool aotc_read_named_files(const char* folder, struct aotc_named_files* files, char* error) {
  *files = (struct aotc_named_files){0};
  DIR* dir = opendir(folder);
  if (dir == NULL) {
    snprintf(error, kError, "%.300s: %s", folder, strerror(errno));
    return false;
  }
  const char* wrong = NULL;
  for (const struct dirent* entry; wrong == NULL && (errno = 0, entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    wrong = add(files, dirfd(dir), entry->d_name);
    if (wrong != NULL) snprintf(error, kError, "%.200s/%.200s: %s", folder, entry->d_name, wrong);
  }
  closedir(dir);
  if (wrong == NULL && files->count > 0) qsort(files->list, files->count, sizeof(*files->list), by_name);
  return wrong == NULL;
}
