// mutate_wasm.cpp - changes what functions of a module do and leaves its form alone, so that most results are valid: an
// instruction becomes another with the same operands, a constant or an offset one of the same length, a local or a
// label another. Blind changes to the bytes of a module rarely get past validation.
//
// libFuzzer calls this in place of its own mutations, mutate.cpp half of the time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <vector>

extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);  // libFuzzer's

namespace {

// Opcodes with the same operands and results; those of a load or store with the same immediates.
struct Range {
  uint8_t first, last;
};
constexpr Range kAlike[] = {{0x46, 0x4f}, {0x51, 0x5a}, {0x5b, 0x60}, {0x61, 0x66}, {0x67, 0x69}, {0x6a, 0x78},
                            {0x79, 0x7b}, {0x7c, 0x8a}, {0x8b, 0x91}, {0x92, 0x98}, {0x99, 0x9f}, {0xa0, 0xa6},
                            {0x2c, 0x2f}, {0x30, 0x35}, {0x3a, 0x3b}, {0x3c, 0x3e}};

// Reads a module and notes where it can be changed.
class Places {
 public:
  Places(uint8_t* data, size_t size) : data_(data), end_(size) {
    at_ = 8;
    while (at_ < end_) {
      uint8_t id = byte();
      size_t length = number(), next = at_ + length;
      if (length > end_ - std::min(at_, end_)) return;
      if (id == 10) code(next);
      at_ = next;
    }
  }

  std::vector<size_t> opcodes;  // of one that has others alike
  std::vector<size_t> numbers;  // bytes of an immediate, but for its last one
  std::vector<size_t> indices;  // immediates of one byte

 private:
  uint8_t byte() { return at_ < end_ ? data_[at_++] : 0; }

  size_t number() {
    size_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      uint8_t next = byte();
      value |= size_t{next & 0x7fu} << shift;
      if (!(next & 0x80)) break;
    }
    return value;
  }

  void immediate(bool is_index) {
    size_t first = at_;
    while (byte() & 0x80) {
    }
    if (is_index && at_ == first + 1) indices.push_back(first);
    // The last byte has the sign, and bits that have to be 0.
    for (size_t i = first; !is_index && i + 1 < at_; ++i) numbers.push_back(i);
  }

  void code(size_t end) {
    for (size_t functions = number(); functions > 0 && at_ < end; --functions) {
      size_t length = number(), body_end = std::min(at_ + length, end);
      for (size_t locals = number(); locals > 0 && at_ < body_end; --locals) number(), byte();
      while (at_ < body_end && instruction()) {
      }
      at_ = body_end;
    }
  }

  // False for one that is not known, behind which nothing can be read.
  bool instruction() {
    size_t start = at_;
    uint8_t op = byte();
    if (std::any_of(std::begin(kAlike), std::end(kAlike), [&](Range r) { return r.first <= op && op <= r.last; }))
      opcodes.push_back(start);
    switch (op) {
      case 0x02:
      case 0x03:
      case 0x04:
        byte();
        return true;
      case 0x0c:
      case 0x0d:
        immediate(true);
        return true;
      case 0x0e:
        for (size_t targets = number() + 1; targets > 0 && at_ < end_; --targets) immediate(true);
        return true;
      case 0x10:
      case 0x25:
      case 0x26:
      case 0x3f:
      case 0x40:
      case 0xd0:
      case 0xd2:
        number();
        return true;
      case 0x11:
        number(), number();
        return true;
      case 0x20:
      case 0x21:
      case 0x22:
      case 0x23:
      case 0x24:
        immediate(true);
        return true;
      case 0x41:
      case 0x42:
        immediate(false);
        return true;
      case 0x43:
        numbers.insert(numbers.end(), {at_, at_ + 1, at_ + 2, at_ + 3}), at_ += 4;
        return true;
      case 0x44:
        numbers.insert(numbers.end(), {at_, at_ + 2, at_ + 5, at_ + 7}), at_ += 8;
        return true;
      case 0xfc:
        return number() < 8;
      default:
        break;
    }
    if (0x28 <= op && op <= 0x3e) {
      if (at_ < end_) data_[at_] &= 0x80;  // any alignment is right for all of them
      number(), immediate(false);
    }
    return op < 0xc5;
  }

  uint8_t* data_;
  size_t at_ = 0, end_;
};

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (LLVMFuzzerMutate && seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  std::minstd_rand random(seed);
  Places places(data, size);
  auto one_of = [&](const std::vector<size_t>& from) { return from[random() % from.size()]; };
  for (unsigned left = 1 + random() % 8; left > 0; --left) {
    switch (random() % 4) {
      case 0:
      case 1: {
        if (places.opcodes.empty()) break;
        uint8_t& op = data[one_of(places.opcodes)];
        for (Range r : kAlike)
          if (r.first <= op && op <= r.last) {
            op = static_cast<uint8_t>(r.first + random() % (r.last - r.first + 1));
            break;
          }
        break;
      }
      case 2:
        if (!places.numbers.empty())
          if (size_t at = one_of(places.numbers); at < size) data[at] ^= static_cast<uint8_t>(random() % 128);
        break;
      default:
        if (!places.indices.empty() && random() % 4 == 0)
          data[one_of(places.indices)] = static_cast<uint8_t>(random() % 6);
    }
  }
  return size;
}
