// relocation.cpp - see fragment.h for what each kind means. Every value is range-checked: a call that wraps around
// would run other code, so it must be an error, never a surprise.
#include "relocation.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

namespace {

using namespace support::endian;

constexpr const char* kOutOfRange = "out of range";
constexpr const char* kMisaligned = "misaligned";

// Replaces the bits of the instruction selected by `mask`.
void patch_instruction(uint8_t* at, uint32_t mask, uint32_t bits) { write32le(at, (read32le(at) & ~mask) | bits); }

const char* apply_low12(uint8_t* at, uint64_t target, unsigned scale) {
  uint64_t low = target & 0xfff;
  if (low & ((uint64_t{1} << scale) - 1)) return kMisaligned;
  patch_instruction(at, 0xfffu << 10, static_cast<uint32_t>(low >> scale) << 10);
  return nullptr;
}

}  // namespace

uint32_t relocation_size(RelocationKind kind) { return kind == RelocationKind::Pc64 ? 8 : 4; }

const char* apply_relocation(RelocationKind kind, uint8_t* at, uint64_t place, uint64_t target) {
  auto distance = static_cast<int64_t>(target - place);
  switch (kind) {
    case RelocationKind::Pc32:
      if (!isInt<32>(distance)) return kOutOfRange;
      write32le(at, static_cast<uint32_t>(distance));
      return nullptr;
    case RelocationKind::Pc64:
      write64le(at, static_cast<uint64_t>(distance));
      return nullptr;
    case RelocationKind::ArmCall26:
      if (distance & 3) return kMisaligned;
      if (!isInt<28>(distance)) return kOutOfRange;
      patch_instruction(at, 0x03ffffff, static_cast<uint32_t>(distance >> 2) & 0x03ffffff);
      return nullptr;
    case RelocationKind::ArmAdrpPage21: {
      int64_t pages = static_cast<int64_t>((target & ~0xfffull) - (place & ~0xfffull)) >> 12;
      if (!isInt<21>(pages)) return kOutOfRange;
      auto bits = static_cast<uint32_t>(pages);
      patch_instruction(at, 0x60ffffe0, (bits & 3) << 29 | (bits >> 2 & 0x7ffff) << 5);
      return nullptr;
    }
    case RelocationKind::ArmAddLow12:
    case RelocationKind::ArmLoad8Low12:
      return apply_low12(at, target, 0);
    case RelocationKind::ArmLoad16Low12:
      return apply_low12(at, target, 1);
    case RelocationKind::ArmLoad32Low12:
      return apply_low12(at, target, 2);
    case RelocationKind::ArmLoad64Low12:
      return apply_low12(at, target, 3);
    case RelocationKind::ArmLoad128Low12:
      return apply_low12(at, target, 4);
    case RelocationKind::Abs32:
      if (!isUInt<31>(target)) return kOutOfRange;
      write32le(at, static_cast<uint32_t>(target));
      return nullptr;
    case RelocationKind::ArmMovHigh16:
    case RelocationKind::ArmMovLow16: {
      if (!isUInt<31>(target)) return kOutOfRange;
      bool is_high = kind == RelocationKind::ArmMovHigh16;
      patch_instruction(at, 0xffffu << 5, static_cast<uint32_t>(is_high ? target >> 16 : target & 0xffff) << 5);
      return nullptr;
    }
  }
  return "of an unknown kind";
}

}  // namespace aotc
