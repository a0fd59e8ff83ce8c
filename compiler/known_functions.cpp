// known_functions.cpp - see known_functions.h.
#include "known_functions.h"

#include <cstring>

#include "llvm/Support/Endian.h"
#include "llvm/Support/xxhash.h"

namespace aotc {

using namespace llvm;

namespace {

// Constants from here on are addresses as far as a fingerprint is concerned.
constexpr uint64_t kFirstAddress = 4096;

bool is_address(const Instr& instr) {
  return (instr.op == Op::I64Const || instr.op == Op::I32Const) && instr.imm >= kFirstAddress &&
         static_cast<int64_t>(instr.imm) > 0;
}

struct Known {
  uint64_t fingerprint;
  KnownFunction function;
};

constexpr Known kKnown[] = {
    // internal/bytealg, in assembly: the same in all versions.
    {0xa8e9a0667f56ea9d, KnownFunction::MemEqual},
    {0xace9027057af71bd, KnownFunction::MemCompare},
    {0x09954dafc4661510, KnownFunction::MemChr},
    // crypto/sha256, from 1.24 on crypto/internal/fips140/sha256: blockGeneric, as compiled by Go
    {0x644aaca875ee1a43, KnownFunction::Sha256},  // 1.21
    {0xf9267072ef7463a0, KnownFunction::Sha256},  // 1.22, 1.23
    {0x7b2afa9faf7dac5e, KnownFunction::Sha256},  // 1.24
    {0x89dfd05a3e5e6a92, KnownFunction::Sha256},  // 1.25
    {0x44b76f5bcb7f3a8f, KnownFunction::Sha256},  // 1.26
    {0x09f0f03158394851, KnownFunction::Sha256},  // 1.27
};

// The little-endian word at `address` of initial memory, which Go's linker cuts into segments wherever there are zeros.
template <typename Word>
Word initial_word(const Module& module, uint64_t address) {
  uint8_t bytes[sizeof(Word)] = {};
  for (const DataSegment& segment : module.datas) {
    uint64_t begin = std::max<uint64_t>(address, segment.address);
    uint64_t end = std::min<uint64_t>(address + sizeof(Word), segment.address + segment.bytes.size());
    if (segment.mode == SegmentMode::Active && begin < end)
      std::memcpy(bytes + (begin - address), segment.bytes.data() + (begin - segment.address), end - begin);
  }
  return support::endian::read<Word, llvm::endianness::little>(bytes);
}

// The first and the last of SHA-256's constants (FIPS 180-4, section 4.2.2) identify the table well enough: the code
// around it is known. `address` is that of the table or, up to Go 1.23, of a slice that holds it.
bool leads_to_sha256_table(const Module& module, uint64_t address) {
  constexpr uint64_t kLast = 63 * sizeof(uint32_t);
  auto is_table = [&](uint64_t at) {
    return initial_word<uint32_t>(module, at) == 0x428a2f98 && initial_word<uint32_t>(module, at + kLast) == 0xc67178f2;
  };
  return is_table(address) || is_table(initial_word<uint64_t>(module, address) & UINT32_MAX);
}

}  // namespace

uint64_t fingerprint(const Module& module, const DefinedFunction& function) {
  std::vector<uint64_t> words;
  const FuncType& type = module.types[function.type];
  for (ValueType param : type.params) words.push_back(static_cast<uint64_t>(param));
  words.push_back(type.params.size());
  for (ValueType result : type.results) words.push_back(static_cast<uint64_t>(result));
  for (ValueType local : function.body.locals) words.push_back(static_cast<uint64_t>(local));
  for (const Instr& instr : function.body.code) {
    words.push_back(static_cast<uint64_t>(instr.op) << 32 |
                    static_cast<uint16_t>(std::min<int16_t>(instr.block_type, 0)));
    words.push_back(instr.op == Op::Call || is_address(instr) ? 0 : instr.imm);
  }
  for (uint32_t target : function.body.br_targets) words.push_back(target);
  return xxh3_64bits({reinterpret_cast<const uint8_t*>(words.data()), words.size() * sizeof(uint64_t)});
}

void find_known_functions(Compilation& c) {
  for (size_t i = 0; i < c.module.functions.size(); ++i) {
    const DefinedFunction& function = c.module.functions[i];
    uint64_t found = fingerprint(c.module, function);
    const Known* known =
        std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return k.fingerprint == found; });
    if (known == std::end(kKnown)) continue;
    if (known->function == KnownFunction::Sha256 &&
        (!c.go.recognised ||
         std::none_of(function.body.code.begin(), function.body.code.end(), [&](const Instr& instr) {
           return is_address(instr) && leads_to_sha256_table(c.module, instr.imm);
         })))
      continue;
    c.known[static_cast<uint32_t>(i)] = known->function;
  }
}

const char* known_function_name(KnownFunction known) {
  switch (known) {
    case KnownFunction::MemEqual:
      return "memequal";
    case KnownFunction::MemCompare:
      return "memcmp";
    case KnownFunction::MemChr:
      return "memchr";
    case KnownFunction::Sha256:
      return "sha256";
  }
  return "?";
}

}  // namespace aotc
