// byte_queue.h - bytes on their way: they come in at the end, and go out at the front without the rest being moved.
#pragma once

#include <string>
#include <string_view>

namespace aotc {

class ByteQueue {
 public:
  void add(std::string_view bytes) { bytes_ += bytes; }
  std::string_view waiting() const { return std::string_view(bytes_).substr(gone_); }
  bool empty() const { return gone_ == bytes_.size(); }
  void take(size_t count) {
    gone_ += count;
    if (gone_ < bytes_.size() / 2) return;
    bytes_.erase(0, gone_);
    gone_ = 0;
  }

 private:
  std::string bytes_;
  size_t gone_ = 0;
};

}  // namespace aotc
