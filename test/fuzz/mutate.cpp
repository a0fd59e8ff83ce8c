// mutate.cpp - runs a fuzz target (an LLVMFuzzerTestOneInput) on mutated seeds, where there is no libFuzzer. Without
// coverage to guide it, but the same inputs for the same --random, on every machine.
//
//   fuzz_X [--seconds N | --inputs N] [--random N] [--last FILE] SEED...
//   fuzz_X --replay FILE...
//
// FILE of --last holds the input being tried, so that after a crash it is the one that did it.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// Of targets that know how to change their inputs.
extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                                                unsigned seed);

namespace {

using Bytes = std::vector<uint8_t>;
constexpr size_t kMaxInput = 8 << 20;

Bytes read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) std::fprintf(stderr, "%s: cannot be read\n", path.c_str()), std::exit(2);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

class Mutator {
 public:
  Mutator(const std::vector<Bytes>& seeds, uint64_t random) : seeds_(seeds), random_(random) {}

  Bytes next() {
    Bytes bytes = seeds_[below(seeds_.size())];
    if (LLVMFuzzerCustomMutator && below(2)) {
      bytes.resize(LLVMFuzzerCustomMutator(bytes.data(), bytes.size(), bytes.size(), static_cast<unsigned>(random_())));
      return bytes;
    }
    for (size_t left = 1 + below(6); left > 0; --left) change(bytes);
    bytes.resize(std::min(bytes.size(), kMaxInput));
    return bytes;
  }

 private:
  size_t below(size_t limit) { return limit == 0 ? 0 : std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }

  // Half of the places are near the start, where headers are.
  size_t place(const Bytes& bytes) { return below(below(2) ? bytes.size() : std::min<size_t>(bytes.size(), 2048)); }

  void change(Bytes& bytes) {
    if (bytes.empty()) return bytes.push_back(static_cast<uint8_t>(below(256)));
    size_t at = place(bytes), count = std::min(1 + below(16), bytes.size() - at);
    switch (below(7)) {
      case 0:
        bytes[at] ^= 1 << below(8);
        break;
      case 1:
        bytes[at] = static_cast<uint8_t>(below(256));
        break;
      case 2:
        bytes.erase(bytes.begin() + at, bytes.begin() + at + count);
        break;
      case 3: {
        Bytes copy(bytes.begin() + at, bytes.begin() + at + count);
        bytes.insert(bytes.begin() + place(bytes), copy.begin(), copy.end());
        break;
      }
      case 4:
        if (below(8) == 0) bytes.resize(at);
        break;
      case 5: {  // numbers at the edge of what their type holds
        static constexpr uint64_t kEdges[] = {0,
                                              1,
                                              0x7f,
                                              0x80,
                                              0xff,
                                              0x7fff,
                                              0xffff,
                                              0x7fffffff,
                                              0x80000000,
                                              0xffffffff,
                                              0x7fffffffffffffff,
                                              0x8000000000000000,
                                              0xffffffffffffffff};
        uint64_t value = kEdges[below(std::size(kEdges))];
        std::memcpy(bytes.data() + at, &value, std::min(bytes.size() - at, size_t{1} << below(4)));
        break;
      }
      default: {  // a part of another seed
        const Bytes& other = seeds_[below(seeds_.size())];
        if (other.empty()) return;
        size_t from = below(other.size()), length = std::min(1 + below(256), other.size() - from);
        bytes.insert(bytes.begin() + at, other.begin() + from, other.begin() + from + length);
      }
    }
  }

  const std::vector<Bytes>& seeds_;
  std::mt19937_64 random_;
};

// In memory of just that size, so that an address sanitizer sees a step past the end; a vector may have room there.
void attempt(const Bytes& input) {
  std::unique_ptr<uint8_t[]> bytes(new uint8_t[input.size()]);
  std::copy(input.begin(), input.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), input.size());
}

// The size (u64) and the bytes of the input being tried: a shared mapping outlives the process.
class Last {
 public:
  explicit Last(const std::string& path) {
    if (path.empty()) return;
    int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || ftruncate(fd, 8 + kMaxInput) != 0) std::perror(path.c_str()), std::exit(2);
    bytes_ = static_cast<uint8_t*>(mmap(nullptr, 8 + kMaxInput, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    if (bytes_ == MAP_FAILED) std::perror(path.c_str()), std::exit(2);
    close(fd);
  }
  void keep(const Bytes& input) {
    if (!bytes_) return;
    uint64_t size = input.size();
    std::memcpy(bytes_, &size, 8);
    std::memcpy(bytes_ + 8, input.data(), input.size());
  }

 private:
  uint8_t* bytes_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  double seconds = 10;
  uint64_t inputs = UINT64_MAX, random = 1;
  std::string last;
  bool replay = false;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--replay")
      replay = true;
    else if (word == "--seconds" && i + 1 < argc)
      seconds = std::atof(argv[++i]);
    else if (word == "--inputs" && i + 1 < argc)
      inputs = std::strtoull(argv[++i], nullptr, 10), seconds = 1e9;
    else if (word == "--random" && i + 1 < argc)
      random = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--last" && i + 1 < argc)
      last = argv[++i];
    else
      paths.push_back(word);
  }
  std::vector<Bytes> seeds;
  for (const std::string& path : paths) seeds.push_back(read(path));
  Last kept(last);
  for (const Bytes& seed : seeds) {
    kept.keep(seed);
    attempt(seed);
  }
  if (replay) return 0;
  if (seeds.empty()) return std::fprintf(stderr, "usage: %s [OPTION]... SEED...\n", argv[0]), 2;
  Mutator mutator(seeds, random);
  uint64_t tried = 0;
  auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (; tried < inputs && std::chrono::steady_clock::now() < end; ++tried) {
    Bytes input = mutator.next();
    kept.keep(input);
    attempt(input);
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(tried));
  return 0;
}
