/* cpu.c - which of the features that an artifact may need this machine has.
 *
 * x86-64: cpuid, and for AVX and AVX-512 also whether the operating system saves their registers (xgetbv); FSGSBASE
 * counts only when the kernel says through AT_HWCAP2 that it enabled the instructions. AArch64: AT_HWCAP, since user
 * code cannot read the identification registers everywhere.
 */
#include <sys/auxv.h>

#include "state.h"

#if defined(__x86_64__)
#include <cpuid.h>

const uint32_t aotc_host_architecture = AOTC_ARCH_X86_64;
const uint64_t aotc_required_features = 1u << AOTC_X86_FSGSBASE;

static const char* const kNames[] = {"fsgsbase", "cx16",  "lahf",    "popcnt",   "sse3",     "ssse3",    "sse4.1",
                                     "sse4.2",   "avx",   "avx2",    "bmi1",     "bmi2",     "f16c",     "fma",
                                     "lzcnt",    "movbe", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"};
_Static_assert(sizeof(kNames) / sizeof(kNames[0]) == AOTC_X86_AVX512VL + 1, "one name per feature");

static uint64_t read_xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low | (uint64_t)high << 32;
}

uint64_t aotc_cpu_features(void) {
  enum { kXmmYmm = 0x6, kXmmYmmZmm = 0xe6 };
  uint64_t features = 0;
  unsigned a, b, c, d;
#define HAS(reg, bit, feature) \
  if ((reg) >> (bit) & 1) features |= 1ull << (feature)
  if (getauxval(AT_HWCAP2) & 2) features |= 1ull << AOTC_X86_FSGSBASE;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return features;
  uint64_t saved = c >> 27 & 1 ? read_xcr0() : 0;
  bool ymm = (saved & kXmmYmm) == kXmmYmm, zmm = (saved & kXmmYmmZmm) == kXmmYmmZmm;
  HAS(c, 0, AOTC_X86_SSE3);
  HAS(c, 9, AOTC_X86_SSSE3);
  HAS(c, 13, AOTC_X86_CX16);
  HAS(c, 19, AOTC_X86_SSE41);
  HAS(c, 20, AOTC_X86_SSE42);
  HAS(c, 22, AOTC_X86_MOVBE);
  HAS(c, 23, AOTC_X86_POPCNT);
  if (ymm) {
    HAS(c, 12, AOTC_X86_FMA);
    HAS(c, 28, AOTC_X86_AVX);
    HAS(c, 29, AOTC_X86_F16C);
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    HAS(b, 3, AOTC_X86_BMI1);
    HAS(b, 8, AOTC_X86_BMI2);
    if (ymm) HAS(b, 5, AOTC_X86_AVX2);
    if (zmm) {
      HAS(b, 16, AOTC_X86_AVX512F);
      HAS(b, 17, AOTC_X86_AVX512DQ);
      HAS(b, 28, AOTC_X86_AVX512CD);
      HAS(b, 30, AOTC_X86_AVX512BW);
      HAS(b, 31, AOTC_X86_AVX512VL);
    }
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
    HAS(c, 0, AOTC_X86_LAHF);
    HAS(c, 5, AOTC_X86_LZCNT);
  }
#undef HAS
  return features;
}

#elif defined(__aarch64__)

const uint32_t aotc_host_architecture = AOTC_ARCH_AARCH64;
const uint64_t aotc_required_features = 0;

static const char* const kNames[] = {"lse", "rdm", "crc32", "dotprod", "rcpc"};
_Static_assert(sizeof(kNames) / sizeof(kNames[0]) == AOTC_ARM_RCPC + 1, "one name per feature");

uint64_t aotc_cpu_features(void) {
  /* Bits of AT_HWCAP, in the order of enum aotc_arm_feature. */
  static const uint8_t kBits[] = {8, 12, 7, 20, 15};
  uint64_t features = 0, capabilities = getauxval(AT_HWCAP);
  for (uint32_t i = 0; i < sizeof(kBits); ++i)
    if (capabilities >> kBits[i] & 1) features |= 1ull << i;
  return features;
}

#else
#error "x86-64 and AArch64 only"
#endif

const char* aotc_cpu_feature_name(uint32_t bit) {
  return bit < sizeof(kNames) / sizeof(kNames[0]) ? kNames[bit] : "unknown to this version";
}
