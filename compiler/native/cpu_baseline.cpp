// cpu_baseline.cpp - the table of CPU baselines. Sources: the x86-64 psABI's microarchitecture levels; the Arm
// Architecture Reference Manual's list of mandatory features per version.
//
// The AArch64 feature +reserve-x28 is part of the calling convention, not of a baseline, and therefore lives in target.
#include "cpu_baseline.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "aotc/artifact_format.h"

namespace aotc {

using namespace llvm;

namespace {

template <typename... Bits>
constexpr uint64_t bits(Bits... bit) {
  return ((uint64_t{1} << bit) | ...);
}

constexpr uint64_t kX86V1 = bits(AOTC_X86_FSGSBASE);
constexpr uint64_t kX86V2 = kX86V1 | bits(AOTC_X86_CX16, AOTC_X86_LAHF, AOTC_X86_POPCNT, AOTC_X86_SSE3, AOTC_X86_SSSE3,
                                          AOTC_X86_SSE41, AOTC_X86_SSE42);
constexpr uint64_t kX86V3 = kX86V2 | bits(AOTC_X86_AVX, AOTC_X86_AVX2, AOTC_X86_BMI1, AOTC_X86_BMI2, AOTC_X86_F16C,
                                          AOTC_X86_FMA, AOTC_X86_LZCNT, AOTC_X86_MOVBE);
constexpr uint64_t kX86V4 =
    kX86V3 | bits(AOTC_X86_AVX512F, AOTC_X86_AVX512BW, AOTC_X86_AVX512CD, AOTC_X86_AVX512DQ, AOTC_X86_AVX512VL);
constexpr uint64_t kArm81 = bits(AOTC_ARM_LSE, AOTC_ARM_RDM, AOTC_ARM_CRC32);

constexpr CpuBaseline kX86[] = {
    {Architecture::X86_64, "x86-64-v3", "x86-64-v3", "+fsgsbase", kX86V3},
    {Architecture::X86_64, "x86-64", "x86-64", "+fsgsbase", kX86V1},
    {Architecture::X86_64, "x86-64-v2", "x86-64-v2", "+fsgsbase", kX86V2},
    {Architecture::X86_64, "x86-64-v4", "x86-64-v4", "+fsgsbase", kX86V4},
};

constexpr CpuBaseline kArm[] = {
    {Architecture::AArch64, "armv8-a", "generic", "+v8a", 0},
    {Architecture::AArch64, "armv8.1-a", "generic", "+v8.1a", kArm81},
    {Architecture::AArch64, "armv8.2-a", "generic", "+v8.2a", kArm81},
};

}  // namespace

ArrayRef<CpuBaseline> all_cpu_baselines(Architecture architecture) {
  return architecture == Architecture::X86_64 ? ArrayRef<CpuBaseline>(kX86) : ArrayRef<CpuBaseline>(kArm);
}

const CpuBaseline* find_cpu_baseline(Architecture architecture, StringRef name) {
  ArrayRef<CpuBaseline> baselines = all_cpu_baselines(architecture);
  if (name.empty()) return &baselines.front();
  for (const CpuBaseline& baseline : baselines)
    if (name == baseline.name) return &baseline;
  return nullptr;
}

std::vector<std::string> cpu_baselines(Architecture architecture) {
  std::vector<std::string> names;
  for (const CpuBaseline& baseline : all_cpu_baselines(architecture)) names.emplace_back(baseline.name);
  return names;
}

#if defined(__x86_64__)
bool runs_here(Architecture architecture, StringRef cpu) {
  const CpuBaseline* baseline = find_cpu_baseline(architecture, cpu);
  if (!baseline || architecture != Architecture::X86_64) return false;
  StringRef name = baseline->name;
  return name == "x86-64" || (name == "x86-64-v2" && __builtin_cpu_supports("x86-64-v2")) ||
         (name == "x86-64-v3" && __builtin_cpu_supports("x86-64-v3")) ||
         (name == "x86-64-v4" && __builtin_cpu_supports("x86-64-v4"));
}
#else
bool runs_here(Architecture architecture, StringRef cpu) {
  const CpuBaseline* baseline = find_cpu_baseline(architecture, cpu);
  constexpr unsigned long kNeeded = HWCAP_ATOMICS | HWCAP_ASIMDRDM | HWCAP_CRC32;
  return baseline && architecture == Architecture::AArch64 &&
         (baseline->features == 0 || (getauxval(AT_HWCAP) & kNeeded) == kNeeded);
}
#endif

}  // namespace aotc
