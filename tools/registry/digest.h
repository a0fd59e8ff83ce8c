// digest.h - SHA-256, the name of everything in the store, written as OCI does: "sha256:" and 64 lower-case hex digits.
//
// Plain C++ and libcrypto, so that a node can link it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aotc {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(const void* data, size_t size);
  std::string finish();                        // once; "sha256:..."
  std::array<unsigned char, 32> finish_raw();  // the same as bytes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256(std::string_view bytes);
std::array<unsigned char, 32> sha256_raw(std::string_view bytes);
bool is_digest(std::string_view text);
// Bytes in lower-case hex, and in base64, which is read with or without its padding; nothing when it is neither.
std::string to_hex(const unsigned char* bytes, size_t count);
std::optional<std::string> from_hex(std::string_view text);
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);
// Takes the same time whatever the bytes are.
bool equal_secrets(std::string_view a, std::string_view b);
std::string random_hex(size_t bytes);

}  // namespace aotc
