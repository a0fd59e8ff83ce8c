// content_coding.cpp - see content_coding.h. The server's sole user of zlib.
#include "content_coding.h"

#include <zlib.h>

#include <functional>
#include <string>

#include "registry/zstd_frames.h"

namespace aotc::server {

namespace {

constexpr size_t kPart = 64 << 10;
constexpr uint64_t kGzipMemory = 128 << 10, kZstdMemory = 9 << 20;

using Sink = std::function<bool(const char*, size_t)>;

class GzipDecoder {
 public:
  GzipDecoder() { ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK; }
  ~GzipDecoder() {
    if (ready_) inflateEnd(&stream_);
  }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  // A body may be several members, one after the other. False when it is not gzip, or the sink has said so.
  bool decode(llvm::StringRef data, const Sink& sink) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream_.avail_in = static_cast<uInt>(data.size());
    std::string part(kPart, '\0');
    bool more = stream_.avail_in > 0;
    while (ready_ && more) {
      if (complete_ && inflateReset(&stream_) != Z_OK) return false;
      stream_.next_out = reinterpret_cast<Bytef*>(part.data());
      stream_.avail_out = kPart;
      int result = inflate(&stream_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return false;
      complete_ = result == Z_STREAM_END;
      size_t count = kPart - stream_.avail_out;
      if (count > 0 && !sink(part.data(), count)) return false;
      more = stream_.avail_in > 0 || (stream_.avail_out == 0 && !complete_);
    }
    return ready_;
  }
  bool is_complete() const { return complete_; }

 private:
  static constexpr int kGzipWindow = 15 + 16;  // with the head and the checksum of gzip
  z_stream stream_{};
  bool ready_ = false, complete_ = false;
};

class DecodingIntake : public Intake {
 public:
  DecodingIntake(bool zstd, uint64_t most, std::unique_ptr<Intake> intake) : most_(most), intake_(std::move(intake)) {
    if (zstd) zstd_.emplace();
  }

  std::optional<Response> append(llvm::StringRef bytes) override {
    std::optional<Response> refused;
    auto take = [&](const char* data, size_t size) {
      size_ += size;
      if (size_ > most_)
        refused = problem(413, "the body, decoded, is larger than this server accepts");
      else
        refused = intake_->append({data, size});
      return !refused;
    };
    std::string error;
    bool decoded = zstd_ ? zstd_->decode({bytes.data(), bytes.size()}, take, error) : gzip_.decode(bytes, take);
    if (!decoded && !refused) refused = damaged();
    return refused;
  }

  Response finish() override {
    if (zstd_ ? !zstd_->is_complete() : !gzip_.is_complete()) return damaged();
    return intake_->finish();
  }

  uint64_t memory() const override { return (zstd_ ? kZstdMemory : kGzipMemory) + intake_->memory(); }

 private:
  static Response damaged() { return problem(400, "the body is not what its Content-Encoding says"); }
  const uint64_t most_;
  std::unique_ptr<Intake> intake_;
  GzipDecoder gzip_;
  std::optional<ZstdDecoder> zstd_;
  uint64_t size_ = 0;
};

}  // namespace

bool is_known_coding(llvm::StringRef coding) {
  return coding.empty() || coding.equals_insensitive("identity") || coding.equals_insensitive("gzip") ||
         coding.equals_insensitive("zstd");
}

std::unique_ptr<Intake> make_decoder(llvm::StringRef coding, uint64_t most, std::unique_ptr<Intake> intake) {
  if (coding.empty() || coding.equals_insensitive("identity")) return intake;
  return std::make_unique<DecodingIntake>(coding.equals_insensitive("zstd"), most, std::move(intake));
}

}  // namespace aotc::server
