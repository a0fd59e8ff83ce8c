// memory_image.h - active data segments to initial memory contents.
//
// Most active segments can be applied once, at compile time: the result is the image, a few runs of pages that every
// instance maps. A segment that cannot be (out of bounds, or far from everything else) keeps its own record and is
// copied at instantiation.
#pragma once

#include <vector>

#include "wasm/module.h"

namespace aotc {

struct ImageRun {
  uint64_t address;            // in linear memory, a multiple of AOTC_IMAGE_PAGE
  std::vector<uint8_t> bytes;  // whole pages
};

struct MemoryImage {
  std::vector<ImageRun> runs;     // ascending, not overlapping, at most three
  std::vector<bool> is_in_image;  // per data segment of the module; false for passive ones
};

MemoryImage build_memory_image(const Module& module);

}  // namespace aotc
