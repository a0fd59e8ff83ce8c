// digest.h - SHA-256, the name of everything in the store, written as OCI does: "sha256:" and 64 lower-case hex digits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace aotc::server {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(llvm::ArrayRef<uint8_t> bytes);
  std::string finish();  // once; "sha256:..."

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256(llvm::StringRef bytes);
// Takes the same time whatever the bytes are.
bool equal_secrets(llvm::StringRef a, llvm::StringRef b);
std::string random_hex(size_t bytes);
bool is_digest(llvm::StringRef text);

inline llvm::ArrayRef<uint8_t> as_bytes(llvm::StringRef text) { return {text.bytes_begin(), text.size()}; }

}  // namespace aotc::server
