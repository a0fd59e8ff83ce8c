// unnamed_file.h - bytes on their way to or from a worker: a file that has no name, so that nothing has to be cleaned
// up and no other process can open it.
#pragma once

#include <string>

#include "store.h"

namespace aotc::server {

// Owns a descriptor that exec closes.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

llvm::Expected<Descriptor> make_unnamed_file(const std::string& folder);
// Another descriptor of the same file, with an offset of its own, that cannot write.
llvm::Expected<Descriptor> open_to_read(const Descriptor& file);

llvm::Error write_to(const Descriptor& file, llvm::StringRef bytes);
llvm::Error copy_from_store(Store& store, const BlobInfo& blob, const Descriptor& file);
llvm::Expected<BlobInfo> copy_to_store(Store& store, Accounts::Reservation& space, const Descriptor& file);

}  // namespace aotc::server
