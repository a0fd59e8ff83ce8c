// eh_frame.cpp - .eh_frame and .eh_frame_hdr as the LSB describes them.
//
// Fragments carry only what is particular to them, LLVM's CFA instructions; the CIE here has the parameters of the CIE
// that LLVM 19 writes for the same target (llvm-dwarfdump --eh-frame shows it), because the instructions depend on
// them:
//
//   target    code alignment  data alignment  return address  initial rules
//   x86-64    1               -8              16 (rip)        CFA = rsp + 8, rip at CFA - 8
//   AArch64   1               -4              30 (lr)         CFA = sp
//
// Addresses are 32-bit and relative to where they stand, so the section needs no relocation.
#include "eh_frame.h"

#include "llvm/BinaryFormat/Dwarf.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

namespace {

using namespace dwarf;

constexpr uint8_t kPcRelative = DW_EH_PE_pcrel | DW_EH_PE_sdata4;
constexpr uint64_t kFdeFixedSize = 17;  // length, CIE pointer, start, size, augmentation length
constexpr uint64_t kEntryAlign = 8;

void append(std::vector<uint8_t>& out, std::initializer_list<uint8_t> bytes) {
  for (uint8_t byte : bytes) out.push_back(byte);
}

void append32(std::vector<uint8_t>& out, uint64_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

// Closes an entry that started at `begin` with a length yet to be known.
void finish_entry(std::vector<uint8_t>& out, size_t begin) {
  out.resize(begin + alignTo(out.size() - begin, kEntryAlign), DW_CFA_nop);
  support::endian::write32le(out.data() + begin, static_cast<uint32_t>(out.size() - begin - 4));
}

std::vector<uint8_t> cie(Architecture architecture) {
  std::vector<uint8_t> out(8);       // length; CIE id 0
  append(out, {1, 'z', 'R', 0, 1});  // version, augmentation, code alignment
  if (architecture == Architecture::X86_64) {
    append(out, {0x78, 16, 1, kPcRelative});  // data alignment -8, return address, augmentation data
    append(out, {DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1});
  } else {
    append(out, {0x7c, 30, 1, kPcRelative});  // data alignment -4
    append(out, {DW_CFA_def_cfa, 31, 0});
  }
  finish_entry(out, 0);
  return out;
}

}  // namespace

uint64_t eh_frame_size(Architecture architecture, ArrayRef<FrameDescription> frames) {
  uint64_t size = cie(architecture).size() + 4;
  for (const FrameDescription& frame : frames) size += alignTo(kFdeFixedSize + frame.instructions.size(), kEntryAlign);
  return size;
}

uint64_t eh_frame_header_size(size_t frames) { return 12 + 8 * frames; }

std::vector<uint8_t> write_eh_frame(Architecture architecture, ArrayRef<FrameDescription> frames, uint64_t address,
                                    std::vector<uint64_t>& fdes) {
  std::vector<uint8_t> out = cie(architecture);
  out.reserve(eh_frame_size(architecture, frames));
  fdes.reserve(frames.size());
  for (const FrameDescription& frame : frames) {
    size_t begin = out.size();
    fdes.push_back(address + begin);
    append32(out, 0);
    append32(out, begin + 4);  // back to the CIE, from here
    append32(out, frame.code - (address + out.size()));
    append32(out, frame.code_size);
    out.push_back(0);
    out.insert(out.end(), frame.instructions.begin(), frame.instructions.end());
    finish_entry(out, begin);
  }
  append32(out, 0);
  return out;
}

std::vector<uint8_t> write_eh_frame_header(ArrayRef<FrameDescription> frames, ArrayRef<uint64_t> fdes, uint64_t address,
                                           uint64_t eh_frame_address) {
  std::vector<uint8_t> out{1, kPcRelative, DW_EH_PE_udata4, DW_EH_PE_datarel | DW_EH_PE_sdata4};
  out.reserve(eh_frame_header_size(frames.size()));
  append32(out, eh_frame_address - (address + 4));
  append32(out, frames.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    append32(out, frames[i].code - address);
    append32(out, fdes[i] - address);
  }
  return out;
}

}  // namespace aotc
