// snapshot.cpp - puts a snapshot behind a finished artifact.
//
// In: an artifact that link.cpp wrote and a snapshot that the node runtime wrote. Out: the artifact with the snapshot
// as its last section. A snapshot depends on no target, so the same bytes go into every artifact of a module, and
// nothing is compiled or linked again. The module's own image stays: a program whose arguments differ starts from it.
#include <cstring>

#include "aotc/artifact_format.h"
#include "compile.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

namespace aotc {

using namespace llvm;

Error attach_snapshot(std::vector<uint8_t>& artifact, ArrayRef<uint8_t> snapshot) {
  auto error = [](const char* what) { return createStringError(inconvertibleErrorCode(), what); };
  aotc_header header;
  aotc_snapshot head;
  if (artifact.size() < AOTC_HEADER_OFFSET + sizeof header) return error("snapshot: not an artifact");
  std::memcpy(&header, artifact.data() + AOTC_HEADER_OFFSET, sizeof header);
  if (header.magic != AOTC_MAGIC || header.format_version != AOTC_FORMAT_VERSION || header.file_size != artifact.size())
    return error("snapshot: not an artifact");
  if (snapshot.size() < sizeof head) return error("snapshot: truncated");
  std::memcpy(&head, snapshot.data(), sizeof head);
  if (head.magic != AOTC_SNAPSHOT_MAGIC || head.size != snapshot.size()) return error("snapshot: corrupted");
  if (std::memcmp(head.module_sha256, header.module_sha256, sizeof head.module_sha256) != 0)
    return error("snapshot: it is another module's");

  artifact.resize(alignTo(artifact.size(), AOTC_IMAGE_PAGE));
  header.snapshot = {artifact.size(), snapshot.size(), xxh3_64bits(snapshot)};
  artifact.insert(artifact.end(), snapshot.begin(), snapshot.end());
  header.file_size = artifact.size();
  header.checksum =
      xxh3_64bits(ArrayRef<uint8_t>(reinterpret_cast<const uint8_t*>(&header), offsetof(aotc_header, checksum)));
  std::memcpy(artifact.data() + AOTC_HEADER_OFFSET, &header, sizeof header);
  return Error::success();
}

}  // namespace aotc
