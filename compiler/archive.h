// archive.h - structures to bytes and back. One description of a structure serves both ways:
//
//   template <typename Archive> void transfer(Archive& archive, Point& point) {
//     archive.number(point.x);
//     archive.list(point.names, [&](std::string& name) { archive.text(name); });
//   }
//
// Numbers are LEB128, lists and strings begin with their length. Equal structures have equal bytes. What is read is
// hostile: after the first thing that cannot be, everything is 0 or empty and ok() is false.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"

namespace aotc {

class ArchiveWriter {
 public:
  template <typename T>
  void number(const T& value) {
    auto bits = static_cast<uint64_t>(value);
    if constexpr (std::is_signed_v<T>) bits = bits << 1 ^ (value < 0 ? ~uint64_t{0} : 0);
    for (; bits >= 0x80; bits >>= 7) bytes_.push_back(static_cast<uint8_t>(bits | 0x80));
    bytes_.push_back(static_cast<uint8_t>(bits));
  }
  // One of `count` values.
  template <typename T>
  void choice(const T& value, size_t) {
    number(value);
  }
  template <typename List, typename Transfer>
  void list(List& items, Transfer transfer) {
    number(items.size());
    for (auto& item : items) transfer(item);
  }
  void bytes(const std::vector<uint8_t>& bytes) {
    number(bytes.size());
    llvm::append_range(bytes_, bytes);
  }
  void text(const std::string& text) {
    number(text.size());
    llvm::append_range(bytes_, text);
  }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

class ArchiveReader {
 public:
  explicit ArchiveReader(llvm::ArrayRef<uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  void number(T& value) {
    uint64_t bits = read_bits();
    if constexpr (std::is_signed_v<T>) bits = bits >> 1 ^ (bits & 1 ? ~uint64_t{0} : 0);
    value = static_cast<T>(bits);
    if (static_cast<uint64_t>(value) != bits) fail(), value = T{};
  }
  template <typename T>
  void choice(T& value, size_t count) {
    uint64_t bits = read_bits();
    if (bits >= count) fail(), bits = 0;
    value = static_cast<T>(bits);
  }
  template <typename T, typename Transfer>
  void list(std::vector<T>& items, Transfer transfer) {
    items.clear();
    uint64_t count = read_bits();
    // Each item takes a byte at least.
    if (count > bytes_.size()) return fail();
    for (uint64_t i = 0; i < count && ok_; ++i) transfer(items.emplace_back());
  }
  void bytes(std::vector<uint8_t>& bytes) {
    uint64_t size = read_bits();
    if (size > bytes_.size()) return fail();
    bytes.assign(bytes_.begin(), bytes_.begin() + size);
    bytes_ = bytes_.drop_front(size);
  }
  void text(std::string& text) {
    std::vector<uint8_t> read;
    bytes(read);
    text.assign(read.begin(), read.end());
  }
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  void fail() { ok_ = false, bytes_ = {}; }
  uint64_t read_bits() {
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) break;
      uint8_t byte = bytes_.front();
      bytes_ = bytes_.drop_front();
      bits |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        // One way to write each number.
        bool is_shortest = (byte != 0 || shift == 0) && (shift < 63 || byte <= 1);
        if (!is_shortest) fail();
        return is_shortest ? bits : 0;
      }
    }
    fail();
    return 0;
  }

  llvm::ArrayRef<uint8_t> bytes_;
  bool ok_ = true;
};

}  // namespace aotc
