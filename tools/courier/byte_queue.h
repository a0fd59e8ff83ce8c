// byte_queue.h - bytes on their way: they come in at the end, and go out at the front. They lie in pieces of one size,
// so that neither is ever moved, and memory is used again: in one string they took most of the courier's time.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>

namespace aotc {

class ByteQueue {
 public:
  void add(std::string_view bytes) {
    size_ += bytes.size();
    while (!bytes.empty()) {
      if (pieces_.empty() || pieces_.back().size() == kPiece) {
        pieces_.push_back(std::exchange(spare_, {}));
        pieces_.back().clear();
        pieces_.back().reserve(kPiece);
      }
      std::string_view fits = bytes.substr(0, kPiece - pieces_.back().size());
      pieces_.back() += fits;
      bytes.remove_prefix(fits.size());
    }
  }
  // The first of them, not all; something if there is anything.
  std::string_view waiting() const {
    return pieces_.empty() ? std::string_view() : std::string_view(pieces_.front()).substr(gone_);
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // At most what waiting() shows.
  void take(size_t count) {
    gone_ += count;
    size_ -= count;
    if (pieces_.empty() || gone_ < pieces_.front().size()) return;
    spare_ = std::move(pieces_.front());
    pieces_.pop_front();
    gone_ = 0;
  }

 private:
  static constexpr size_t kPiece = 256 << 10;
  std::deque<std::string> pieces_;
  std::string spare_;
  size_t gone_ = 0, size_ = 0;  // of the first piece; of all
};

}  // namespace aotc
