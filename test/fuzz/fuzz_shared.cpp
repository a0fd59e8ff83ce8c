// fuzz_shared.cpp - what a remote of the cache, and a courier that it has taken over, can say: a sealed record, a
// courier's messages to a keeper that asked for as many functions as the upper bits of the first byte say, Redis's
// redirections. And URLs, which are not theirs but are parsed as if they were.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "cache/shared_cache.h"
#include "courier/redis_words.h"
#include "support/remote_place.h"

namespace {

void check(bool good) {
  if (!good) std::abort();
}

aotc::Signer signer() {
  static const aotc::Signer made = [] {
    std::string secret, open, error;
    check(aotc::Signer::generate(secret, open, error));
    return *aotc::Signer::read(secret, error);
  }();
  return made;
}

// Nothing that is not signed is opened; what is, and was changed, is not.
void open(llvm::ArrayRef<uint8_t> bytes) {
  aotc::TrustedKeys trusted;
  trusted.add(signer());
  aotc::Opener opener(trusted);
  check(!opener.open({}, {}, bytes));
  aotc::FunctionRecord record(4 + 100, 1);
  record[0] = 50, record[1] = record[2] = record[3] = 0;
  aotc::SealedRecord sealed = aotc::seal({record, record, record}, "", signer())[1];
  check(opener.open(sealed.name, sealed.name, sealed.bytes) == record);
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sealed.bytes[bytes[i] % sealed.bytes.size()] ^= bytes[i + 1];
  std::optional<aotc::FunctionRecord> opened = opener.open(sealed.name, sealed.name, sealed.bytes);
  check(!opened || opened == record);
}

void listen(llvm::ArrayRef<uint8_t> bytes, size_t count) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
  check(write(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  shutdown(ends[1], SHUT_WR);
  aotc::SharedOptions options;
  options.signer = signer();
  options.allowance = std::chrono::seconds(10);
  aotc::SharedCache cache(ends[0], std::move(options));
  std::vector<aotc::FunctionKey> keys(count);
  for (size_t i = 0; i < count; ++i) keys[i][0] = static_cast<uint8_t>(i);
  for (const aotc::FunctionRecord& record : cache.get(keys)) check(record.empty());
  cache.put(aotc::FunctionRecord(8));
  cache.finish();
  aotc::SharedCounts counts = cache.counts();
  check(counts.asked == count && counts.hits == 0 && counts.sent + counts.left_out == 1 && !cache.trouble().empty());
  close(ends[0]);
  close(ends[1]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > (64 << 10)) return 0;
  llvm::ArrayRef<uint8_t> bytes(data + 1, size - 1);
  std::string text(bytes.begin(), bytes.end()), error;
  switch (data[0] & 3) {
    case 0:
      open(bytes);
      break;
    case 1:
      listen(bytes, 1 + data[0] / 4);
      break;
    case 2:
      if (std::optional<aotc::Redirection> to = aotc::parse_redirection(text))
        check(to->slot < aotc::kRedisSlots && to->authority.find(':') != std::string::npos &&
              to->authority.size() < 300);
      break;
    default:
      if (std::optional<aotc::RemotePlace> place = aotc::parse_remote_place(text, error)) {
        std::string shown = place->shown();
        std::optional<aotc::RemotePlace> again = aotc::parse_remote_place(shown, error);
        check(again && again->shown() == shown && again->password.empty());
      } else {
        check(!error.empty());
      }
  }
  return 0;
}
