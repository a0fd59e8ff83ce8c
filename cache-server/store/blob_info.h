// blob_info.h - a blob that was found in the store, and that stays there as long as somebody has this.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "records.h"

namespace aotc::server {

struct BlobInfo {
  BlobName name;
  uint64_t id = 0;
  uint64_t size = 0;
  bool damaged = false;
  std::shared_ptr<const void> lease = nullptr;  // keeps the blob

  const std::string& digest() const { return name.digest; }
};

}  // namespace aotc::server
