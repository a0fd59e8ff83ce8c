// courier.h - between a keeper's socket and a remote (cache/courier_channel.h).
#pragma once

#include <string>

#include "byte_queue.h"
#include "remote.h"

namespace aotc {

class Courier : public Requester {
 public:
  explicit Courier(int keeper) : keeper_(keeper) {}
  // Until the keeper has ended and what it gave is settled, or the remote cannot be used. The exit code.
  int run(Remote& remote);
  // The last word.
  void say_failed(const std::string& why);

  void answer(uint32_t number, std::string_view value) override;
  void settled(size_t size, bool taken) override;
  void counted(uint64_t values, uint64_t bytes) override;

 private:
  bool send_waiting();
  bool receive(Remote& remote);
  bool take_messages(Remote& remote);
  void say(uint32_t number, std::string_view bytes);

  const int keeper_;
  std::string in_;
  ByteQueue out_;
  size_t held_ = 0;  // bytes of values that are not settled
  uint32_t asked_ = 0;
  uint32_t settled_ = 0, taken_ = 0, told_ = 0;  // values
  bool ended_ = false, progress_ = false;
};

// The options that come first on the socket: a URL, a token, certificates. False if they do not come.
bool read_courier_options(int keeper, std::string (&options)[3]);

}  // namespace aotc
