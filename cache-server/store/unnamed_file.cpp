// unnamed_file.cpp - see unnamed_file.h.
#include "unnamed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace aotc::server {

namespace {

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(std::error_code(errno, std::generic_category()), message);
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

llvm::Expected<Descriptor> make_unnamed_file(const std::string& folder) {
  std::string name = folder + "/XXXXXX";  // O_TMPFILE is not known to every file system
  Descriptor file(mkostemp(name.data(), O_CLOEXEC));
  if (file.get() < 0 || unlink(name.c_str()) != 0) return failure(folder + ": cannot create a file");
  return file;
}

llvm::Expected<Descriptor> open_to_read(const Descriptor& file) {
  Descriptor reader(open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (reader.get() < 0) return failure("cannot open a worker's file again");
  return reader;
}

llvm::Error write_to(const Descriptor& file, llvm::StringRef bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(file.get(), bytes.data(), bytes.size());
    if (count < 0) return failure("cannot write a module to a file");
    bytes = bytes.drop_front(static_cast<size_t>(count));
  }
  return llvm::Error::success();
}

llvm::Error copy_from_store(Store& store, const BlobInfo& blob, const Descriptor& file) {
  for (uint64_t index = 0; index * kChunkSize < blob.size; ++index) {
    llvm::Expected<Chunk> chunk = store.read_chunk(blob, static_cast<uint32_t>(index), false);
    if (!chunk) return chunk.takeError();
    if (llvm::Error error = write_to(file, **chunk)) return error;
  }
  return llvm::Error::success();
}

llvm::Expected<BlobInfo> copy_to_store(Store& store, Accounts::Reservation& space, const Descriptor& file) {
  Store::BlobWriter writer(store, space);
  std::string bytes(kChunkSize, '\0');
  for (off_t offset = 0;;) {
    ssize_t count = pread(file.get(), bytes.data(), bytes.size(), offset);
    if (count < 0) return failure("cannot read a file again");
    if (count == 0) return writer.finish();
    if (llvm::Error error = writer.append(as_bytes({bytes.data(), static_cast<size_t>(count)}))) return error;
    offset += count;
  }
}

}  // namespace aotc::server
