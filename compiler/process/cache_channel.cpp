// cache_channel.cpp - see cache_channel.h. Both sides read and write much at once: there are thousands of records, most
// of them small.
#include "cache_channel.h"

#include <algorithm>
#include <cstring>

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "support/error.h"
#include "support/io.h"

#include <unistd.h>

#include <cerrno>

namespace aotc {

using namespace llvm;

namespace {

constexpr uint32_t kExpect = 0x707865, kGet = 0x746567, kPut = 0x747570;  // "exp", "get", "put"
constexpr size_t kBuffer = 256 << 10;

class Reader {
 public:
  explicit Reader(int socket) : socket_(socket) {}

  // False at the end.
  bool read(void* to, size_t size) {
    auto* bytes = static_cast<uint8_t*>(to);
    while (size > 0) {
      if (begin_ == end_ && size < kBuffer && !fill()) return false;
      size_t count = std::min(size, end_ - begin_);
      if (count == 0) return aotc_read_all(socket_, bytes, size) == static_cast<ssize_t>(size);
      std::memcpy(bytes, buffer_.data() + begin_, count);
      begin_ += count;
      bytes += count;
      size -= count;
    }
    return true;
  }

  bool read_number(uint32_t& number) {
    uint8_t bytes[4];
    if (!read(bytes, sizeof bytes)) return false;
    number = support::endian::read32le(bytes);
    return true;
  }

 private:
  bool fill() {
    ssize_t count;
    do count = ::read(socket_, buffer_.data(), buffer_.size());
    while (count < 0 && errno == EINTR);
    begin_ = 0;
    end_ = count > 0 ? static_cast<size_t>(count) : 0;
    return count > 0;
  }

  int socket_;
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(kBuffer);
  size_t begin_ = 0, end_ = 0;
};

class Writer {
 public:
  explicit Writer(int socket) : socket_(socket) {}

  void write(ArrayRef<uint8_t> bytes) {
    if (buffer_.size() + bytes.size() > kBuffer) flush();
    if (bytes.size() >= kBuffer)
      well_ = well_ && aotc_write_all(socket_, bytes.data(), bytes.size());
    else
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  void write_number(size_t number) {
    uint8_t bytes[4];
    support::endian::write32le(bytes, static_cast<uint32_t>(number));
    write(bytes);
  }
  void write_record(const FunctionRecord& record) {
    write_number(record.size());
    write(record);
  }
  // Whether all has arrived so far.
  bool flush() {
    well_ = well_ && (buffer_.empty() || aotc_write_all(socket_, buffer_.data(), buffer_.size()));
    buffer_.clear();
    return well_;
  }

 private:
  int socket_;
  std::vector<uint8_t> buffer_;
  bool well_ = true;
};

}  // namespace

bool ChannelCache::ask(uint32_t question, ArrayRef<FunctionKey> keys, std::optional<uint32_t> bytes) {
  Writer writer(socket_);
  writer.write_number(question);
  writer.write_number(keys.size());
  for (const FunctionKey& key : keys) writer.write(key);
  if (bytes) writer.write_number(*bytes);
  return writer.flush();
}

void ChannelCache::expect(ArrayRef<FunctionKey> keys, uint64_t bytes) {
  uint64_t each = bytes / std::max<size_t>(keys.size(), 1);
  for (; !keys.empty() && !lost_; keys = keys.drop_front(std::min<size_t>(kMostAsked, keys.size()))) {
    ArrayRef<FunctionKey> some = keys.take_front(kMostAsked);
    lost_ = !ask(kExpect, some, static_cast<uint32_t>(std::min<uint64_t>(each * some.size(), UINT32_MAX)));
  }
}

bool ChannelCache::get_some(ArrayRef<FunctionKey> keys, MutableArrayRef<FunctionRecord> records) {
  if (!ask(kGet, keys)) return false;
  Reader reader(socket_);  // which has no more than the answer to read, as nothing else was asked
  for (FunctionRecord& record : records) {
    uint32_t size = 0;
    if (!reader.read_number(size) || size > kMostRecord) return false;
    record.resize(size);
    if (!reader.read(record.data(), size)) return false;
  }
  return true;
}

std::vector<FunctionRecord> ChannelCache::get(ArrayRef<FunctionKey> keys) {
  std::vector<FunctionRecord> records(keys.size());
  for (size_t begin = 0; begin < keys.size() && !lost_; begin += kMostAsked) {
    size_t count = std::min<size_t>(kMostAsked, keys.size() - begin);
    MutableArrayRef<FunctionRecord> some = MutableArrayRef(records).slice(begin, count);
    lost_ = !get_some(keys.slice(begin, count), some);
    if (lost_) std::fill(some.begin(), some.end(), FunctionRecord());  // the last of them may be half of one
  }
  return records;
}

void ChannelCache::put(ArrayRef<FunctionRecord> records) {
  std::vector<const FunctionRecord*> wanted;
  for (const FunctionRecord& record : records)
    if (record.size() <= kMostRecord) wanted.push_back(&record);
  Writer writer(socket_);
  for (size_t begin = 0; begin < wanted.size() && !lost_; begin += kMostAsked) {
    auto some = ArrayRef(wanted).slice(begin, std::min<size_t>(kMostAsked, wanted.size() - begin));
    writer.write_number(kPut);
    writer.write_number(some.size());
    for (const FunctionRecord* record : some) writer.write_record(*record);
    lost_ = !writer.flush();
  }
}

Error serve_cache(int socket, FunctionCache& cache) {
  Reader reader(socket);
  uint32_t question = 0, count = 0;
  while (reader.read_number(question)) {
    if (question != kExpect && question != kGet && question != kPut)
      return failure("asked the cache what is no question");
    if (!reader.read_number(count)) break;
    if (count == 0 || count > kMostAsked) return failure("asked the cache for too much at once");
    if (question != kPut) {
      std::vector<FunctionKey> keys(count);
      if (!reader.read(keys.data(), keys.size() * sizeof(FunctionKey))) break;
      if (question == kExpect) {
        uint32_t bytes = 0;
        if (!reader.read_number(bytes)) break;
        cache.expect(keys, bytes);
        continue;
      }
      Writer writer(socket);
      for (const FunctionRecord& record : cache.get(keys)) writer.write_record(record);
      if (!writer.flush()) break;
      continue;
    }
    for (uint32_t i = 0; i < count; ++i) {
      uint32_t size = 0;
      if (!reader.read_number(size)) return Error::success();
      if (size > kMostRecord) return failure("gave the cache too large a record");
      FunctionRecord record(size);
      if (!reader.read(record.data(), size)) return Error::success();
      if (!unit_of_record(record)) return failure("gave the cache what is no record");
      cache.put(record);
    }
  }
  return Error::success();
}

}  // namespace aotc
