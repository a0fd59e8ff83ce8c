// remote_cache.h - with whom a cache is shared, as an operator says it: where, whose functions are believed, and as who
// ours are given away. A keeper (keeper.h) makes a courier and a SharedCache of it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cache/courier_process.h"
#include "cache/shared_cache.h"
#include "llvm/Support/Error.h"

namespace aotc {

struct RemoteCache {
  std::string shown;  // for messages
  CourierOptions courier;
  std::vector<std::string> trusted;        // public keys, PEM
  std::string signer;                      // a private one, or empty
  std::chrono::microseconds allowance{0};  // as SharedOptions has it

  // What the files `path` hold. An Error: no key.
  llvm::Error trust(const std::string& path, std::string pem);
  llvm::Error sign_with(const std::string& path, std::string pem);
  // For a process without our memory, and back. An Error: that is not what was written.
  std::string encode_shared() const;
  static llvm::Expected<SharedOptions> decode_shared(const std::string& text);
  void forget_secrets();
};

}  // namespace aotc
