// fuzz_cache.cpp - what a compiler that was taken over says to the cache, and what a cache that lies answers.
//
// An input is a byte, then what is said: to the cache, or, with bit 1 of the byte, to somebody who asked for as many
// functions as the other bits say.
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "process/cache_channel.h"

namespace {

void check(bool good) {
  if (!good) std::abort();
}

// Holds nothing, and is given nothing but records.
class Nothing : public aotc::FunctionCache {
 public:
  std::vector<aotc::FunctionRecord> get(llvm::ArrayRef<aotc::FunctionKey> keys) override {
    check(!keys.empty() && keys.size() <= aotc::kMostAsked);
    return std::vector<aotc::FunctionRecord>(keys.size());
  }
  void put(llvm::ArrayRef<aotc::FunctionRecord> records) override {
    for (const aotc::FunctionRecord& record : records)
      check(record.size() <= aotc::kMostRecord && aotc::unit_of_record(record).has_value());
  }
};

void ask(int socket, size_t count, size_t said) {
  aotc::ChannelCache channel(socket);
  std::vector<aotc::FunctionRecord> records = channel.get(std::vector<aotc::FunctionKey>(count));
  check(records.size() == count);
  size_t sum = 0;
  for (const aotc::FunctionRecord& record : records) sum += record.size();
  check(sum <= said);
  channel.put(aotc::FunctionRecord(8));
  check(channel.get(std::vector<aotc::FunctionKey>(1)).size() == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  if (size < 1 || size > (64 << 10) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 0;
  // There is room for it, and for the answers.
  check(write(ends[0], data + 1, size - 1) == static_cast<ssize_t>(size - 1));
  shutdown(ends[0], SHUT_WR);
  if (data[0] & 1) {
    ask(ends[1], 1 + data[0] / 2, size - 1);
  } else {
    Nothing nothing;
    llvm::consumeError(aotc::serve_cache(ends[1], nothing));
  }
  close(ends[0]);
  close(ends[1]);
  return 0;
}
