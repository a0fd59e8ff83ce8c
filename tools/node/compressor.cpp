// compressor.cpp - see compressor.h.
#include "compressor.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace {

constexpr int kGzipLevel = 4, kGzipWindow = 15 + 16, kGzipMemory = 8;  // 16: with the head and the checksum of gzip
constexpr int kZstdLevel = 3, kZstdWindow = 17, kZstdTable = 15;       // logarithms
constexpr size_t kPart = 32 << 10;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Takes what stands before the next `separator`.
std::string_view next(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view one = trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return one;
}

// "0.25" as 250; what is no weight is 0.
int weight_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.'))
    return 0;
  int weight = (text[0] - '0') * 1000;
  for (size_t i = 2, unit = 100; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    weight += (text[i] - '0') * static_cast<int>(unit);
  }
  return std::min(weight, 1000);
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && same(text.substr(text.size() - end.size()), end);
}

bool is_text(std::string_view type) {
  for (std::string_view one : {"application/javascript", "application/json", "application/wasm", "application/xml",
                               "application/x-javascript", "application/x-ndjson"})
    if (same(type, one)) return true;
  return same(type.substr(0, 5), "text/") || ends_with(type, "+json") || ends_with(type, "+xml");
}

}  // namespace

std::string_view coding_name(Coding coding) { return coding == Coding::Zstd ? "zstd" : "gzip"; }

Coding best_coding(std::string_view accepted) {
  int gzip = -1, zstd = -1, any = 0;
  while (!accepted.empty()) {
    std::string_view one = next(accepted, ',');
    const std::string_view name = next(one, ';');
    int weight = 1000;
    while (!one.empty()) {
      const std::string_view parameter = next(one, ';');
      if (parameter.size() >= 2 && same(parameter.substr(0, 2), "q=")) weight = weight_of(parameter.substr(2));
    }
    if (same(name, "gzip") || same(name, "x-gzip")) gzip = weight;
    if (same(name, "zstd")) zstd = weight;
    if (name == "*") any = weight;
  }
  if (gzip < 0) gzip = any;
  if (zstd < 0) zstd = any;
  return zstd > 0 && zstd >= gzip ? Coding::Zstd : gzip > 0 ? Coding::Gzip : Coding::None;
}

bool CompressRules::takes(std::string_view content_type) const {
  const std::string_view type = next(content_type, ';');
  if (types.empty()) return is_text(type);
  return std::any_of(types.begin(), types.end(), [&](std::string_view one) {
    return same(type, one) ||
           (ends_with(one, "/*") && same(type.substr(0, one.size() - 1), one.substr(0, one.size() - 1)));
  });
}

struct Compressor::State {
  z_stream gzip{};
  ZSTD_CCtx* zstd = nullptr;
  bool gzip_ready = false;
  bool unflushed = false;  // something came since the last flush
};

Compressor::Compressor(Coding coding) : state_(std::make_unique<State>()) {
  if (coding == Coding::Gzip)
    state_->gzip_ready =
        deflateInit2(&state_->gzip, kGzipLevel, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  if (coding != Coding::Zstd || (state_->zstd = ZSTD_createCCtx()) == nullptr) return;
  for (auto [parameter, value] : {std::pair{ZSTD_c_compressionLevel, kZstdLevel},
                                  {ZSTD_c_windowLog, kZstdWindow},
                                  {ZSTD_c_hashLog, kZstdTable},
                                  {ZSTD_c_chainLog, kZstdTable}})
    ZSTD_CCtx_setParameter(state_->zstd, parameter, value);
}

Compressor::~Compressor() {
  if (state_->gzip_ready) deflateEnd(&state_->gzip);
  ZSTD_freeCCtx(state_->zstd);
}

bool Compressor::ready() const { return state_->gzip_ready || state_->zstd != nullptr; }

void Compressor::add(std::string_view bytes, Then then, std::string& out) {
  state_->unflushed |= !bytes.empty();
  if (then == Then::Flush && !std::exchange(state_->unflushed, false)) return;
  char part[kPart];
  if (state_->zstd != nullptr) {
    const ZSTD_EndDirective how = then == Then::End ? ZSTD_e_end : then == Then::Flush ? ZSTD_e_flush : ZSTD_e_continue;
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (size_t left = 1; left != 0;) {
      ZSTD_outBuffer piece{part, sizeof part, 0};
      left = ZSTD_compressStream2(state_->zstd, &piece, &in, how);
      out.append(part, piece.pos);
      // It fails without memory only: then the body ends here, which its reader notices.
      if (ZSTD_isError(left) || (how == ZSTD_e_continue && in.pos == in.size)) return;
    }
    return;
  }
  z_stream& stream = state_->gzip;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  const int how = then == Then::End ? Z_FINISH : then == Then::Flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(part);
    stream.avail_out = sizeof part;
    if (deflate(&stream, how) == Z_STREAM_ERROR) return;
    out.append(part, sizeof part - stream.avail_out);
  } while (stream.avail_out == 0);
}
