// intake.h - takes the body of a request part by part, as it comes: a module, a blob, a manifest. Destroyed before
// finish(), it leaves nothing behind but what the protocol says.
#pragma once

#include "http_message.h"
#include "llvm/ADT/StringRef.h"

namespace aotc::server {

class Intake {
 public:
  virtual ~Intake() = default;
  // An answer when it is not to go on.
  virtual std::optional<Response> append(llvm::StringRef bytes) = 0;
  // Once, after all of the body.
  virtual Response finish() = 0;
  // Bytes that it may hold in memory.
  virtual uint64_t memory() const { return 0; }
};

}  // namespace aotc::server
