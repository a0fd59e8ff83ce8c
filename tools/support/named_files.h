/* named_files.h - a folder of small files, each a value under the file's name: an app's configuration, or its secrets.
 *
 * As a volume of Kubernetes has them: links are followed, what begins with a dot is passed over. Everything else has to
 * be a file whose name is letters, digits, '.', '_' and '-'. A line feed at a value's end is not part of it, since
 * editors put one there.
 */
#ifndef AOTC_SUPPORT_NAMED_FILES_H
#define AOTC_SUPPORT_NAMED_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  AOTC_NAMED_FILES_MAX = 1024,        /* in a folder */
  AOTC_NAMED_FILE_MAX_NAME = 128,     /* bytes */
  AOTC_NAMED_FILE_MAX_SIZE = 64 << 10 /* bytes */
};

struct aotc_named_file {
  char name[AOTC_NAMED_FILE_MAX_NAME + 1];
  uint32_t size;
  char* bytes; /* malloc's */
};
struct aotc_named_files {
  size_t count;
  struct aotc_named_file* list; /* ascending by name; malloc's */
};

/* False when something is wrong; `error`, of 512 bytes, says what, and with which file. No value is in it. */
bool aotc_read_named_files(const char* folder, struct aotc_named_files* files, char* error);

#ifdef __cplusplus
}
#endif
#endif
