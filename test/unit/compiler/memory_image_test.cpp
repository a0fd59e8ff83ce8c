// build_memory_image: which segments the image holds, and that a few bytes of wasm cannot make it large.
#include "artifact/memory_image.h"

#include <gtest/gtest.h>

namespace aotc {
namespace {

const std::vector<uint8_t> kOnes(4096, 1), kTwos(4096, 2);

DataSegment active(uint32_t address, llvm::ArrayRef<uint8_t> bytes) { return {SegmentMode::Active, address, bytes}; }

Module module_with(std::vector<DataSegment> datas, uint32_t pages = 65536) {
  Module m;
  m.has_memory = true;
  m.memory_min = pages;
  m.datas = std::move(datas);
  return m;
}

uint64_t size_of(const MemoryImage& image) {
  uint64_t size = 0;
  for (const ImageRun& run : image.runs) size += run.bytes.size();
  return size;
}

TEST(MemoryImage, AppliesInOrder) {
  MemoryImage image = build_memory_image(
      module_with({active(4096, kOnes), active(4100, llvm::ArrayRef(kTwos).take_front(2)), active(8192, kOnes)}));
  ASSERT_EQ(image.runs.size(), 1u);
  EXPECT_EQ(image.runs[0].address, 4096u);
  EXPECT_EQ(image.runs[0].bytes.size(), 8192u);
  EXPECT_EQ(image.runs[0].bytes[3], 1);
  EXPECT_EQ(image.runs[0].bytes[4], 2);
  EXPECT_EQ(image.runs[0].bytes[6], 1);
}

TEST(MemoryImage, KeepsSmallGapsAndSplitsLargeOnes) {
  EXPECT_EQ(build_memory_image(module_with({active(0, kOnes), active(1u << 20, kOnes)})).runs.size(), 1u);
  EXPECT_EQ(build_memory_image(module_with({active(0, kOnes), active(4096 + (1u << 20), kOnes)})).runs.size(), 2u);
}

TEST(MemoryImage, TrimsZeros) {
  std::vector<uint8_t> zeros(100'000);
  zeros[50'000] = 1;
  MemoryImage image = build_memory_image(module_with({active(0, zeros)}));
  ASSERT_EQ(image.runs.size(), 1u);
  EXPECT_EQ(image.runs[0].address, 49'152u);
  EXPECT_EQ(image.runs[0].bytes.size(), 4096u);
  EXPECT_TRUE(image.is_in_image[0]);
}

TEST(MemoryImage, LeavesDistantSegmentsAsRecords) {
  std::vector<DataSegment> datas;
  for (uint32_t i = 0; i < 5; ++i) datas.push_back(active(i << 28, llvm::ArrayRef(kOnes).take_front(10 + i)));
  MemoryImage image = build_memory_image(module_with(datas));
  EXPECT_EQ(image.runs.size(), 3u);
  EXPECT_EQ(image.is_in_image, (std::vector<bool>{false, false, true, true, true}));
  EXPECT_EQ(size_of(image), 3 * 4096u);
}

TEST(MemoryImage, StopsAtTheFirstOutOfBounds) {
  MemoryImage image =
      build_memory_image(module_with({active(0, kOnes), active(0xffffffff, kOnes), active(4096, kOnes)}, 1));
  EXPECT_EQ(image.is_in_image, (std::vector<bool>{true, false, false}));
}

TEST(MemoryImage, AnEmptySegmentOutOfBoundsTrapsToo) {
  MemoryImage image = build_memory_image(module_with({active(65'537, {}), active(0, kOnes)}, 1));
  EXPECT_EQ(image.is_in_image, (std::vector<bool>{false, false}));
}

// The second segment overwrites the first, which is a record: then it must be one as well.
TEST(MemoryImage, ARecordIsNotOvertakenByTheImage) {
  std::vector<DataSegment> datas = {active(0, kOnes), active(1u << 28, kOnes), active(2u << 28, kOnes),
                                    active(3u << 28, llvm::ArrayRef(kOnes).take_front(8)),
                                    active((3u << 28) + 4, llvm::ArrayRef(kTwos).take_front(8))};
  MemoryImage image = build_memory_image(module_with(datas));
  EXPECT_FALSE(image.is_in_image[3]);
  EXPECT_FALSE(image.is_in_image[4]);
}

// One byte every 512 KiB would be 4 GiB if zeros between segments were always kept.
TEST(MemoryImage, StaysProportionalToTheModule) {
  std::vector<DataSegment> datas;
  for (uint32_t i = 0; i < 8192; ++i) datas.push_back(active(i << 19, llvm::ArrayRef(kOnes).take_front(1)));
  EXPECT_LE(size_of(build_memory_image(module_with(datas))), 33u << 20);
}

}  // namespace
}  // namespace aotc
