// compressor.h - the body of a response in gzip or zstd, as it comes. compressor.cpp alone uses zlib and libzstd for
// it.
//
// What has been flushed can be decoded: that is how a program's flush reaches its client. Memory is bounded by windows
// that are chosen here, whatever comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

enum class Coding : uint8_t { None, Gzip, Zstd };

// "gzip", "zstd"
std::string_view coding_name(Coding coding);

// The one that a client wants most of those that it accepts (RFC 9110, 12.5.3), zstd of two that it wants equally.
// `accepted` are the values of its Accept-Encoding fields, with commas between them.
Coding best_coding(std::string_view accepted);

// Which responses of an app are compressed.
struct CompressRules {
  bool on = false;
  std::vector<std::string> types;  // "text/html", "text/*"; empty: those that are text
  uint64_t least = 1 << 10;        // bytes of a body whose length is known
  bool takes(std::string_view content_type) const;
};

class Compressor {
 public:
  static constexpr size_t kMemory = 1 << 20;  // that one takes, at most
  explicit Compressor(Coding coding);
  ~Compressor();
  bool ready() const;  // there was memory for it
  enum class Then { More, Flush, End };
  // Appends what has become of it.
  void add(std::string_view bytes, Then then, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
