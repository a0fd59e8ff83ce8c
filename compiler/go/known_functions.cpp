// known_functions.cpp - see known_functions.h.
//
// A function is known if the SHA-256 of its description is in the table below. The description is unambiguous: every
// list is preceded by its length and every instruction by its opcode, which says what follows, so two functions have
// the same one only if their types, locals and instructions agree. Tenants may choose modules so that hashes collide,
// and for a quick 64-bit hash they can; for SHA-256 nobody can. So equal digests are as good as equal bodies, and the
// bodies, which are Go's, need not be kept here.
//
// Three things differ from program to program. A description leaves them out, and none of them can make a difference:
//
//   - which function a call goes to. Every call of these bodies is to grow Go's stack or to panic. Whether the stack
//   must
//     grow is seen and done by the function itself before the helper is asked, and where a panic is due the helper does
//     not answer, so that the function itself gets there and calls what it calls.
//   - the return address of such a call: a place in the function itself; which place stays in the description.
//   - the address of SHA-256's table of constants, where the table has to be found. Go never writes to it; a program
//   that
//     did would get the digests of an unchanged one.
//
// To add a Go version: `aotc dump --after=read --function NAME` of a program that it built, and
// test/go/known_functions.test.
#include "known_functions.h"

#include <cstring>

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/SHA256.h"
#include "lower/calling_convention.h"

namespace aotc {

using namespace llvm;

namespace {

// What the addresses in a body lead to.
enum class Data : uint8_t { None, Sha256Table, SliceOfSha256Table };

struct Known {
  KnownFunction function;
  size_t instructions;  // a digest is worked out only for bodies of such a length
  Data data;
  StringLiteral fingerprint;
};

constexpr Known kKnown[] = {
    // internal/bytealg, in assembly: the same in all versions.
    {KnownFunction::MemEqual, 42, Data::None, "324d547a43bc673fbea0d98798f87e982edf74845f66d2db54024a2fb2cbf186"},
    {KnownFunction::MemCompare, 43, Data::None, "69f6aa9e7ae8f591dc52882b0d94efb1629221bde13d3279acef98cb8f9e1294"},
    {KnownFunction::MemChr, 139, Data::None, "809125dccf463bf2ceea462ae509783abb28f2b7c1a4b1b38cf89c1a7d78144b"},
    // crypto/sha256, from 1.24 on crypto/internal/fips140/sha256: blockGeneric, as compiled by Go 1.21; 1.22 and 1.23;
    // 1.24; 1.25; 1.26; 1.27.
    {KnownFunction::Sha256, 853, Data::SliceOfSha256Table,
     "3d5d1153a368a3719e2d9b219c671e0a07dcebdbc07fc7c7e58cd54035ca1eb9"},
    {KnownFunction::Sha256, 853, Data::SliceOfSha256Table,
     "65d573a4b734e8d5c5b274c6aaa6f0e8cbec0179929e0fc014271c8e34cd33f7"},
    {KnownFunction::Sha256, 630, Data::Sha256Table, "150bf016a60b04b5afcef0c7ddafedb6b964da6ee4c74243644607978ed0d5bf"},
    {KnownFunction::Sha256, 624, Data::Sha256Table, "c01b98eede067ded90129d39256bad4fbd336db4c6623277fb857b09935263d3"},
    {KnownFunction::Sha256, 608, Data::Sha256Table, "64b799b6030ee5ae8db17a8e3dc6055ff30142f8215143574ed78bc8430f7a90"},
    {KnownFunction::Sha256, 604, Data::Sha256Table, "28efbe872a17ed1b69e457499cc862a2351f22431f735237aa321eb7ec6df6f7"},
};

// The 64 words that SHA-256 adds (FIPS 180-4, section 4.2.2), as they lie in memory: their digest.
constexpr size_t kTableWords = 64;
constexpr StringLiteral kTableDigest = "74ef7306e7452d6859b6463ce496b8df30925f69e1b2969e1f3f34bbc9c6af04";

std::string hex_digest(ArrayRef<uint8_t> bytes) { return toHex(SHA256::hash(bytes), /*LowerCase=*/true); }

// Initial memory from `address` on, which Go's linker cuts into segments wherever there are zeros.
template <size_t size>
std::array<uint8_t, size> initial_bytes(const Module& module, uint64_t address) {
  std::array<uint8_t, size> bytes{};
  for (const DataSegment& segment : module.datas) {
    uint64_t begin = std::max<uint64_t>(address, segment.address);
    uint64_t end = std::min<uint64_t>(address + size, uint64_t{segment.address} + segment.bytes.size());
    if (segment.mode == SegmentMode::Active && begin < end)
      std::memcpy(bytes.data() + (begin - address), segment.bytes.data() + (begin - segment.address), end - begin);
  }
  return bytes;
}

bool is_sha256_table(const Module& module, uint64_t address) {
  return hex_digest(initial_bytes<kTableWords * sizeof(uint32_t)>(module, address)) == kTableDigest;
}

bool leads_to(Data data, const Module& module, uint64_t address) {
  switch (data) {
    case Data::None:
      return false;
    case Data::Sha256Table:
      return is_sha256_table(module, address);
    case Data::SliceOfSha256Table: {
      auto slice = initial_bytes<16>(module, address);
      uint64_t pointer = support::endian::read64le(slice.data()), length = support::endian::read64le(slice.data() + 8);
      return length == kTableWords && pointer <= UINT32_MAX && is_sha256_table(module, pointer);
    }
  }
  llvm_unreachable("data");
}

class Description {
 public:
  Description(const Module& module, uint32_t defined_index)
      : module_(module), function_(module.functions[defined_index]), pc_f_(kFirstPcF + defined_index) {
    const FunctionBody& body = function_.body;
    type(module_.types[function_.type]);
    types(body.locals);
    number(body.code.size());
    for (const Instr& instr : body.code) instruction(instr);
  }

  std::string fingerprint() const { return hex_digest(bytes_); }
  ArrayRef<uint64_t> addresses() const { return addresses_; }

 private:
  static constexpr uint64_t kFirstPcF = 0x1000;                    // Go's number of the first defined function
  static constexpr uint64_t kFirstAddress = 4096;                  // of Go's data
  enum LeftOut : uint64_t { kReturnAddress = 0x10000, kAddress };  // in place of an opcode; those are smaller

  void number(uint64_t value) {
    uint8_t word[sizeof value];
    support::endian::write64le(word, value);
    bytes_.insert(bytes_.end(), std::begin(word), std::end(word));
  }
  void types(ArrayRef<ValueType> list) {
    number(list.size());
    for (ValueType each : list) number(static_cast<uint64_t>(each));
  }
  void type(const FuncType& signature) {
    types(signature.params);
    types(signature.results);
  }

  void instruction(const Instr& instr) {
    if (instr.op == Op::I64Const && instr.imm >> 16 == pc_f_) {
      number(kReturnAddress);
      number(instr.imm & UINT16_MAX);
      return;
    }
    if (instr.op == Op::I64Const && instr.imm >= kFirstAddress && instr.imm <= UINT32_MAX) {
      number(kAddress);
      addresses_.push_back(instr.imm);
      return;
    }
    number(static_cast<uint64_t>(instr.op));
    switch (instr.op) {
      case Op::Call:
        return;
      case Op::CallIndirect:
        type(module_.types[instr.low()]);
        number(instr.high());
        return;
      case Op::BrTable:
        number(instr.high());
        for (uint32_t i = 0; i < instr.high(); ++i) number(function_.body.br_targets[instr.low() + i]);
        return;
      case Op::Block:
      case Op::Loop:
      case Op::If:
        number(static_cast<uint64_t>(std::min<int16_t>(instr.block_type, 0)));  // 0: the type follows
        if (instr.block_type >= 0) type(module_.types[instr.block_type]);
        number(instr.imm);
        return;
      default:
        number(instr.imm);
    }
  }

  const Module& module_;
  const DefinedFunction& function_;
  const uint64_t pc_f_;
  std::vector<uint8_t> bytes_;
  std::vector<uint64_t> addresses_;
};

const Known* find_known(const Module& module, uint32_t defined_index, bool is_resumable) {
  size_t size = module.functions[defined_index].body.code.size();
  if (none_of(kKnown, [&](const Known& known) { return known.instructions == size; })) return nullptr;
  Description description(module, defined_index);
  std::string found = description.fingerprint();
  const Known* known = find_if(kKnown, [&](const Known& candidate) { return candidate.fingerprint == found; });
  if (known == std::end(kKnown)) return nullptr;
  // Its helper takes what lies on Go's stack.
  if (known->function == KnownFunction::Sha256 && !is_resumable) return nullptr;
  bool leads =
      all_of(description.addresses(), [&](uint64_t address) { return leads_to(known->data, module, address); });
  return leads ? known : nullptr;
}

}  // namespace

std::string fingerprint(const Module& module, uint32_t defined_index) {
  return Description(module, defined_index).fingerprint();
}

std::optional<KnownFunction> find_known_function(const Module& module, uint32_t defined_index, bool is_resumable) {
  const Known* known = find_known(module, defined_index, is_resumable);
  return known ? std::optional(known->function) : std::nullopt;
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
