// courier.cpp - see courier.h.
#include "courier.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "cache/courier_channel.h"
#include "support/io.h"

namespace aotc {

namespace {

constexpr size_t kMostHeld = 64 << 20, kMostOut = 64 << 20;
constexpr size_t kPart = 256 << 10;
// A remote that has done nothing for so long, although there is something to do, does nothing any more.
constexpr std::chrono::seconds kPatience(30);

void append_number(std::string& to, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) to += static_cast<char>(number >> shift);
}

uint32_t number_at(const std::string& bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 4; i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

std::string key_at(const std::string& bytes, size_t at) {
  std::string hex(2 * kCourierKey, '\0');
  for (size_t i = 0; i < kCourierKey; ++i) {
    auto byte = static_cast<unsigned char>(bytes[at + i]);
    hex[2 * i] = "0123456789abcdef"[byte >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace

bool read_courier_options(int keeper, std::string (&options)[3]) {
  for (std::string& option : options) {
    std::string size(4, '\0');
    if (aotc_read_all(keeper, size.data(), 4) != 4 || number_at(size, 0) > kMostCourierOption) return false;
    option.resize(number_at(size, 0));
    if (aotc_read_all(keeper, option.data(), option.size()) != static_cast<ssize_t>(option.size())) return false;
  }
  return true;
}

void Courier::say(uint32_t number, std::string_view bytes) {
  std::string head;
  append_number(head, number);
  append_number(head, static_cast<uint32_t>(bytes.size()));
  out_.add(head);
  out_.add(bytes);
}

void Courier::answer(uint32_t number, std::string_view value) {
  progress_ = true;
  say(number, value);
}

void Courier::settled(size_t size, bool taken) {
  progress_ = true;
  held_ -= size;
  ++settled_;
  taken_ += taken;
}

void Courier::counted(uint64_t values, uint64_t bytes) {
  progress_ = true;
  std::string counts;
  for (uint64_t count : {values, bytes}) {
    append_number(counts, static_cast<uint32_t>(count));
    append_number(counts, static_cast<uint32_t>(count >> 32));
  }
  say(kCourierCounted, counts);
}

void Courier::say_failed(const std::string& why) {
  say(kCourierFailed, std::string_view(why).substr(0, kMostCourierText));
  while (!out_.empty()) {
    ssize_t count = send(keeper_, out_.waiting().data(), out_.waiting().size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return;
    out_.take(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
}

// False when nobody listens.
bool Courier::send_waiting() {
  while (!out_.empty()) {
    ssize_t count =
        send(keeper_, out_.waiting().data(), std::min(out_.waiting().size(), kPart), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    out_.take(static_cast<size_t>(count));
  }
  return true;
}

// False at what is no message.
bool Courier::take_messages(Remote& remote) {
  size_t at = 0;
  while (in_.size() - at >= 8) {
    uint32_t what = number_at(in_, at);
    if (what == kCourierAsk) {
      uint32_t count = number_at(in_, at + 4);
      if (count > kMostCourierAsked) return false;
      if ((in_.size() - at - 8) / kCourierKey < count) break;
      at += 8;
      for (uint32_t i = 0; i < count; ++i, at += kCourierKey) remote.get(asked_++, key_at(in_, at));
    } else if (what == kCourierCount) {
      at += 8;
      remote.count();
    } else {
      if (what != kCourierKeep) return false;
      if (in_.size() - at < 8 + kCourierKey) break;
      uint32_t size = number_at(in_, at + 4 + kCourierKey);
      if (size > kMostCourierValue) return false;
      if (in_.size() - at - 8 - kCourierKey < size) break;
      held_ += size;
      remote.put(key_at(in_, at + 4), in_.substr(at + 8 + kCourierKey, size));
      at += 8 + kCourierKey + size;
    }
  }
  in_.erase(0, at);
  return true;
}

// False at the end.
bool Courier::receive(Remote& remote) {
  size_t before = in_.size();
  in_.resize(before + kPart);
  ssize_t count = recv(keeper_, in_.data() + before, kPart, MSG_DONTWAIT);
  in_.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  return count > 0 && take_messages(remote);
}

int Courier::run(Remote& remote) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point last = Clock::now();
  for (std::string error; !ended_ || remote.waiting() > 0 || !out_.empty();) {
    bool reads = !ended_ && held_ < kMostHeld && out_.size() < kMostOut;
    pollfd keeper{ended_ && out_.empty() ? -1 : keeper_,
                  static_cast<short>((reads ? POLLIN : 0) | (out_.empty() ? 0 : POLLOUT)), 0};
    progress_ = remote.waiting() == 0;
    if (!remote.step(keeper, 1000, error)) {
      say_failed(error);
      return 1;
    }
    if (reads && (keeper.revents & (POLLIN | POLLHUP)) != 0) ended_ = !receive(remote);
    if (told_ != settled_) {
      std::string counts;
      append_number(counts, told_ = settled_);
      append_number(counts, taken_);
      say(kCourierKept, counts);
    }
    if (!send_waiting()) return 1;
    if (progress_) last = Clock::now();
    if (Clock::now() - last > kPatience) {
      say_failed("it does not answer");
      return 1;
    }
  }
  return 0;
}

}  // namespace aotc
