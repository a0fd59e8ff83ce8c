/* mutate_artifact.c - has libFuzzer change what is read of an artifact when it is loaded: half of the time the head of
 * its snapshot, which would be hit too rarely among megabytes of code and memory. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "aotc/artifact_format.h"

size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size); /* libFuzzer's */

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned random) {
  enum { kHead = sizeof(struct aotc_snapshot) + 1024 };
  struct aotc_header header = {0};
  if (size >= AOTC_HEADER_OFFSET + sizeof header) memcpy(&header, data + AOTC_HEADER_OFFSET, sizeof header);
  uint64_t offset = header.snapshot.offset;
  if (random % 2 == 0 || offset == 0 || offset >= size || size - offset < kHead)
    return LLVMFuzzerMutate(data, size, max_size);
  (void)LLVMFuzzerMutate(data + offset, kHead, kHead); /* what it leaves out stays, so that nothing moves */
  return size;
}
