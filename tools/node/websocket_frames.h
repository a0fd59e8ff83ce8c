// websocket_frames.h - where the frames of a WebSocket's client end (RFC 6455, 5.2), so that one of ours can be put
// behind them.
//
// A node passes frames on as they come. Only when it is to end a tunnel by itself it says so to the program in its
// client's place, as a client would that leaves: the program answers, and the client hears why. That is possible
// between two frames; what does not look like a client's frames gets nothing but its end.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

// A Close with status 1001, "going away", masked with zeros.
constexpr std::string_view kGoingAway{"\x88\x82\0\0\0\0\x03\xe9", 8};

class WebSocketFrames {
 public:
  void follow(std::string_view bytes) {
    while (!bytes.empty() && !lost_) {
      const auto skipped = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
      left_ -= skipped;
      bytes.remove_prefix(skipped);
      if (bytes.empty()) return;
      head_[has_++] = static_cast<uint8_t>(bytes.front());
      bytes.remove_prefix(1);
      if (has_ >= kShortest) take_head();
    }
  }
  // Nor has the client said that it leaves.
  bool is_between() const { return !lost_ && !closed_ && has_ == 0 && left_ == 0; }

 private:
  static constexpr size_t kShortest = 2, kMask = 4;
  void take_head() {
    const unsigned length = head_[1] & 0x7fu, more = length == 127 ? 8 : length == 126 ? 2 : 0;
    lost_ = (head_[1] & 0x80u) == 0;  // a client's are masked
    if (has_ < kShortest + more + kMask) return;
    left_ = more == 0 ? length : 0;
    for (unsigned i = 0; i < more; ++i) left_ = left_ << 8 | head_[kShortest + i];
    closed_ |= (head_[0] & 0x0fu) == 8;
    has_ = 0;
  }
  std::array<uint8_t, kShortest + 8 + kMask> head_{};
  size_t has_ = 0;     // bytes of a frame's head
  uint64_t left_ = 0;  // of its payload
  bool lost_ = false, closed_ = false;
};
