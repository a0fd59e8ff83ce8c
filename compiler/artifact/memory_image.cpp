// memory_image.cpp - which segments the image holds, and its bytes.
//
// Segments apply in order and each may overwrite earlier ones; the first that is out of bounds traps. The image is in
// place before any record is copied, so a segment may only be in it when every earlier one that it overlaps is too, and
// when no earlier one traps.
//
// The size is bounded by the module's: a few bytes can name an address 3 GiB away. Nearby segments share a run, zeros
// between them included, as long as all runs together stay within a multiple of the data; otherwise the distance that
// counts as nearby shrinks, and in the end the segments stay records.
#include "memory_image.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "aotc/abi.h"
#include "aotc/artifact_format.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr size_t kMaxRuns = 3;
constexpr uint64_t kMaxZeros = 32u << 20;
constexpr uint64_t kMaxGrowth = 4;

// A range of linear memory, page aligned.
struct Range {
  uint64_t begin;
  uint64_t end;
  uint64_t data = 0;  // bytes of segments in it
};

uint64_t end_of(const DataSegment& segment) { return uint64_t{segment.address} + segment.bytes.size(); }

// Joins ranges whose gap is smaller than `gap`, and keeps the kMaxRuns that hold most data.
std::vector<Range> cluster(std::vector<Range> ranges, uint64_t gap) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::vector<Range> joined;
  for (const Range& range : ranges) {
    if (!joined.empty() && range.begin < joined.back().end + gap) {
      joined.back().end = std::max(joined.back().end, range.end);
      joined.back().data += range.data;
    } else {
      joined.push_back(range);
    }
  }
  if (joined.size() > kMaxRuns) {
    std::stable_sort(joined.begin(), joined.end(), [](const Range& a, const Range& b) { return a.data > b.data; });
    joined.resize(kMaxRuns);
    std::sort(joined.begin(), joined.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  }
  return joined;
}

std::vector<Range> choose_runs(const std::vector<Range>& ranges) {
  uint64_t data = 0;
  for (const Range& range : ranges) data += range.data;
  for (uint64_t gap : {1u << 20, 1u << 16, AOTC_IMAGE_PAGE}) {
    std::vector<Range> runs = cluster(ranges, gap);
    uint64_t size = 0;
    for (const Range& run : runs) size += run.end - run.begin;
    if (size <= kMaxZeros + kMaxGrowth * data) return runs;
  }
  return {};
}

// Disjoint ranges; both operations take logarithmic time, since a hostile module can have a million segments.
class IntervalSet {
 public:
  bool overlaps(uint64_t begin, uint64_t end) const {
    auto next = ranges_.lower_bound(end);  // the first that starts at or after `end`
    return next != ranges_.begin() && std::prev(next)->second > begin;
  }
  void add(uint64_t begin, uint64_t end) {
    auto it = ranges_.upper_bound(begin);
    if (it != ranges_.begin() && std::prev(it)->second >= begin) --it;
    while (it != ranges_.end() && it->first <= end) {
      begin = std::min(begin, it->first);
      end = std::max(end, it->second);
      it = ranges_.erase(it);
    }
    ranges_[begin] = end;
  }

 private:
  std::map<uint64_t, uint64_t> ranges_;  // begin to end
};

// Removes zero pages at both ends.
void trim(ImageRun& run) {
  auto is_zero_page = [&](size_t offset) {
    return std::all_of(run.bytes.begin() + offset, run.bytes.begin() + offset + AOTC_IMAGE_PAGE,
                       [](uint8_t byte) { return byte == 0; });
  };
  size_t end = run.bytes.size();
  while (end > 0 && is_zero_page(end - AOTC_IMAGE_PAGE)) end -= AOTC_IMAGE_PAGE;
  size_t begin = 0;
  while (begin < end && is_zero_page(begin)) begin += AOTC_IMAGE_PAGE;
  run.bytes.resize(end);
  run.bytes.erase(run.bytes.begin(), run.bytes.begin() + begin);
  run.address += begin;
}

}  // namespace

MemoryImage build_memory_image(const Module& module) {
  MemoryImage image;
  image.is_in_image.assign(module.datas.size(), false);
  uint64_t memory_size = module.memory_min * AOTC_WASM_PAGE;

  size_t usable = 0;  // segments before the first that is out of bounds
  std::vector<Range> ranges;
  for (; usable < module.datas.size(); ++usable) {
    const DataSegment& segment = module.datas[usable];
    if (segment.mode != SegmentMode::Active) continue;
    if (end_of(segment) > memory_size) break;
    if (segment.bytes.empty()) continue;
    ranges.push_back(
        {alignDown(segment.address, AOTC_IMAGE_PAGE), alignTo(end_of(segment), AOTC_IMAGE_PAGE), segment.bytes.size()});
  }

  for (const Range& range : choose_runs(ranges))
    image.runs.push_back({range.begin, std::vector<uint8_t>(range.end - range.begin)});

  IntervalSet records;  // what segments before the current one write, when they stay out of the image
  for (size_t i = 0; i < usable; ++i) {
    const DataSegment& segment = module.datas[i];
    if (segment.mode != SegmentMode::Active) continue;
    if (segment.bytes.empty()) {
      image.is_in_image[i] = true;
      continue;
    }
    auto run = std::find_if(image.runs.begin(), image.runs.end(), [&](const ImageRun& r) {
      return r.address <= segment.address && end_of(segment) <= r.address + r.bytes.size();
    });
    if (run == image.runs.end() || records.overlaps(segment.address, end_of(segment))) {
      records.add(segment.address, end_of(segment));
      continue;
    }
    std::memcpy(run->bytes.data() + (segment.address - run->address), segment.bytes.data(), segment.bytes.size());
    image.is_in_image[i] = true;
  }

  for (ImageRun& run : image.runs) trim(run);
  std::erase_if(image.runs, [](const ImageRun& run) { return run.bytes.empty(); });
  return image;
}

}  // namespace aotc
