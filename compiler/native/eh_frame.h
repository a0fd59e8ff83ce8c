// eh_frame.h - call frame information for debuggers and profilers.
#pragma once

#include <cstdint>
#include <vector>

#include "compile.h"
#include "llvm/ADT/ArrayRef.h"

namespace aotc {

// One function: its code and the CFA instructions that follow the CIE's.
struct FrameDescription {
  uint64_t code;  // address
  uint32_t code_size;
  llvm::ArrayRef<uint8_t> instructions;
};

// Bytes that write_eh_frame will produce; independent of addresses.
uint64_t eh_frame_size(Architecture architecture, llvm::ArrayRef<FrameDescription> frames);
uint64_t eh_frame_header_size(size_t frames);

// One CIE, an FDE per frame and a terminator, for a section at `address`. The address of FDE i is put into `fdes`.
std::vector<uint8_t> write_eh_frame(Architecture architecture, llvm::ArrayRef<FrameDescription> frames,
                                    uint64_t address, std::vector<uint64_t>& fdes);

// The binary search table over `frames`, which must be ascending, for a section at `address`.
std::vector<uint8_t> write_eh_frame_header(llvm::ArrayRef<FrameDescription> frames, llvm::ArrayRef<uint64_t> fdes,
                                           uint64_t address, uint64_t eh_frame_address);

}  // namespace aotc
