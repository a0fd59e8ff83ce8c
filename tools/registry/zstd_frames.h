// zstd_frames.h - the content coding "zstd" (RFC 8878): compressing bytes that are there, and decompressing a stream.
//
// A body may be several frames, one after the other. The server makes one of each chunk, so that it needs no state
// between them and can keep them.
//
// Plain C++ and libzstd, so that a node can link it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aotc {

std::string zstd_frame(std::string_view bytes);
// What one frame holds, which says itself how much that is. Nothing if it is damaged, or more than `most` bytes.
std::optional<std::string> zstd_content(std::string_view frame, size_t most);

// Needs at most 8 MiB, whatever a frame asks for.
class ZstdDecoder {
 public:
  ZstdDecoder();
  ~ZstdDecoder();
  ZstdDecoder(ZstdDecoder&&) noexcept;
  // Gives what comes out to `sink`, part by part, until it returns false. False then, and, with `error` set, when the
  // data is not zstd.
  bool decode(std::string_view data, const std::function<bool(const char*, size_t)>& sink, std::string& error);
  // Whether the last frame was complete.
  bool is_complete() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aotc
