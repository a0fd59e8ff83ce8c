// unnamed_file.cpp - see unnamed_file.h.
#include "unnamed_file.h"
#include "store.h"
#include "support/error.h"
#include "support/io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace aotc::server {

llvm::Expected<UniqueFd> make_unnamed_file(const std::string& folder) {
  std::string name = folder + "/XXXXXX";  // O_TMPFILE is not known to every file system
  UniqueFd file(mkostemp(name.data(), O_CLOEXEC));
  if (file.get() < 0 || unlink(name.c_str()) != 0) return system_failure(folder + ": cannot create a file");
  return file;
}

llvm::Expected<UniqueFd> open_to_read(const UniqueFd& file) {
  UniqueFd reader(open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (reader.get() < 0) return system_failure("cannot open a worker's file again");
  return reader;
}

llvm::Error write_to(const UniqueFd& file, llvm::StringRef bytes) {
  if (!aotc_write_all(file.get(), bytes.data(), bytes.size())) return system_failure("cannot write a module to a file");
  return llvm::Error::success();
}

llvm::Error copy_from_store(Store& store, const BlobInfo& blob, const UniqueFd& file) {
  for (uint64_t index = 0; index * kChunkSize < blob.size; ++index) {
    llvm::Expected<Chunk> chunk = store.read_chunk(blob, static_cast<uint32_t>(index), false);
    if (!chunk) return chunk.takeError();
    if (llvm::Error error = write_to(file, **chunk)) return error;
  }
  return llvm::Error::success();
}

llvm::Expected<BlobInfo> copy_to_store(Store& store, Accounts::Reservation& space, const UniqueFd& file,
                                       const std::string& digest) {
  Store::BlobWriter writer(store, space, digest);
  std::string bytes(kChunkSize, '\0');
  for (off_t offset = 0;;) {
    ssize_t count = aotc_pread_all(file.get(), bytes.data(), bytes.size(), offset);
    if (count < 0) return system_failure("cannot read a file again");
    if (count == 0) return writer.finish();
    if (llvm::Error error = writer.append(as_bytes({bytes.data(), static_cast<size_t>(count)}))) return error;
    offset += count;
  }
}

}  // namespace aotc::server
