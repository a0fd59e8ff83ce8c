/* make_artifact.h - writes the artifact of the guest in guest.h, byte by byte, so that tests can also spoil it. */
#ifndef AOTC_TEST_MAKE_ARTIFACT_H
#define AOTC_TEST_MAKE_ARTIFACT_H

#include "aotc/pool.h"

enum { kImageAddress = 0x10000, kImagePages = 8, kSmallRunAddress = 0x30000, kMemoryPages = 4, kMemoryMaxPages = 2048 };
enum { kTypeCount = 3, kTrapWasmOffset = 0x1234 };

struct image {
  uint8_t* bytes;
  size_t size;
};

/* Export names are those of the guest's functions, without "guest_". */
struct image make_artifact(void);
struct aotc_header* image_header(struct image* image);
/* After the header was changed. */
void fix_header_checksum(struct image* image);
void fix_all_checksums(struct image* image);
/* A file in memory; -1 on error. */
int image_file(const struct image* image);

#endif
