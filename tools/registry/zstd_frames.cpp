// zstd_frames.cpp - the sole user of libzstd.
#include "zstd_frames.h"

#include <zstd.h>

namespace aotc {

namespace {

constexpr int kLevel = 3;
constexpr int kMaxWindow = 23;  // 8 MiB: what RFC 9659 allows a sender

}  // namespace

std::string zstd_frame(std::string_view bytes) {
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), kLevel);
  frame.resize(ZSTD_isError(size) ? 0 : size);  // it fails for want of memory only
  frame.shrink_to_fit();
  return frame;
}

std::optional<std::string> zstd_content(std::string_view frame, size_t most) {
  // "Unknown" and "error" are the two largest numbers.
  unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size > most) return std::nullopt;
  std::string bytes(size, '\0');
  if (ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size()) != size) return std::nullopt;
  return bytes;
}

struct ZstdDecoder::State {
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context{ZSTD_createDCtx(), ZSTD_freeDCtx};
  std::string part = std::string(ZSTD_DStreamOutSize(), '\0');
  size_t missing = 0;  // 0 between frames
};

ZstdDecoder::ZstdDecoder() : state_(std::make_unique<State>()) {
  ZSTD_DCtx_setParameter(state_->context.get(), ZSTD_d_windowLogMax, kMaxWindow);
}

ZstdDecoder::~ZstdDecoder() = default;
ZstdDecoder::ZstdDecoder(ZstdDecoder&&) noexcept = default;

bool ZstdDecoder::decode(std::string_view data, const std::function<bool(const char*, size_t)>& sink,
                         std::string& error) {
  ZSTD_inBuffer in{data.data(), data.size(), 0};
  for (bool full = false; in.pos < in.size || full;) {
    ZSTD_outBuffer out{state_->part.data(), state_->part.size(), 0};
    state_->missing = ZSTD_decompressStream(state_->context.get(), &out, &in);
    if (ZSTD_isError(state_->missing)) {
      error = std::string("the zstd coding is damaged: ") + ZSTD_getErrorName(state_->missing);
      return false;
    }
    full = out.pos == out.size && state_->missing != 0;
    if (out.pos > 0 && !sink(state_->part.data(), out.pos)) return false;
  }
  return true;
}

bool ZstdDecoder::is_complete() const { return state_->missing == 0; }

}  // namespace aotc
