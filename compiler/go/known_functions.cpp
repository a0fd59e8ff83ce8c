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
//   - which function a call goes to that never returns, to grow Go's stack, and calls and addresses behind which
//   nothing
//     can follow but `unreachable`: what panics, and what it says. The helper needs no stack, and where a panic is due
//     it does not answer, so that the function itself gets there and calls what it calls. Any other callee is described
//     in place of its first call.
//   - the return address of such a call: a place in the function itself; which place stays in the description.
//   - the address of a table of constants, in whose place the description has which of the tables below is found there.
//   Go
//     never writes to it; a program that did would get the results of an unchanged one.
//
// To add a Go version: `aotc dump --after=shape --function NAME` of a program that it built, known_functions.def, and
// test/go/known_functions.test.
#include "known_functions.h"

#include <cstring>

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "lower/calling_convention.h"
#include "registry/digest.h"

namespace aotc {

using namespace llvm;

namespace {

struct Known {
  KnownFunction function;
  size_t instructions;  // a digest is worked out only for bodies of such a length
  StringLiteral fingerprint;
};

constexpr Known kKnown[] = {
#define KNOWN_FUNCTION(function, instructions, fingerprint) {KnownFunction::function, instructions, fingerprint},
#include "known_functions.def"
#undef KNOWN_FUNCTION
};

// Tables that known functions read, as they lie in memory; those of a size are neighbours, as one digest is worked out
// for them. A table's number is part of descriptions.
struct Table {
  uint64_t number;
  size_t size, entry;  // bytes
  StringLiteral digest;
};
constexpr Table kTables[] = {
    // SHA-256: the 64 words that are added (FIPS 180-4, section 4.2.2).
    {1, 256, 4, "74ef7306e7452d6859b6463ce496b8df30925f69e1b2969e1f3f34bbc9c6af04"},
    // AES (FIPS 197): S-box and its inverse; a round's tables, and those of the inverse, each turned by 0, 8, 16 and 24
    // bits.
    {2, 256, 1, "c2d8e5eed6cbebd8625fc18f81486a7733c04f9b0129ffbe974c68b90308b4f2"},
    {3, 256, 1, "93631b0726f6fe6629daa743ee51b49f4477ed07391b68eeea0672a4a90018aa"},
    {4, 1024, 4, "783fb0a44be7670eb6ec170cf7f16bb2b6f23f4964b87b60c4eb506c7c6a286d"},
    {5, 1024, 4, "15a0e7628178b3fe6546e9b60f35e2b1c4864e020b16376866f38f72c74b45a9"},
    {6, 1024, 4, "e8058399671d13082c35b6b3ce7f9e282507edd458ccfdd3bad9f35d90016f62"},
    {7, 1024, 4, "09fdc69aa887ac8d36e0c8284c7b1d53e580e4880b72a67ff80d7e38317115d9"},
    {8, 1024, 4, "0270bff41cb170c33c20788c368cb1b5a66b0fd0b98d638a827b783537583821"},
    {9, 1024, 4, "4cf8dc711cd3210d673d86981355e2609233025ed22e4dc7a1f9b8e75ade35f4"},
    {10, 1024, 4, "c40a9a77ee05e10af16da9d1781a2053159ea8570ada03637bb5fe3d076c9f89"},
    {11, 1024, 4, "0f4764044bf2e91efefaf3d4f1e81c10a2b7f0f45305489925cfc01198cf45b5"},
};
constexpr size_t kLargestTable = 1024;
constexpr uint64_t kThroughSlice = 1000;  // is added for a Go slice of the whole table

std::string hex_digest(ArrayRef<uint8_t> bytes) { return toHex(sha256_raw(toStringRef(bytes)), /*LowerCase=*/true); }

using Data = ArrayRef<const DataSegment*>;

uint64_t end_of(const DataSegment* segment) { return uint64_t{segment->address} + segment->bytes.size(); }

// Initial memory from `address` on, which Go's linker cuts into segments wherever there are zeros.
std::array<uint8_t, kLargestTable> initial_bytes(Data data, uint64_t address) {
  std::array<uint8_t, kLargestTable> bytes{};
  auto segment = partition_point(data, [&](const DataSegment* each) { return end_of(each) <= address; });
  for (; segment != data.end() && (*segment)->address < address + bytes.size(); ++segment) {
    uint64_t begin = std::max<uint64_t>(address, (*segment)->address);
    uint64_t end = std::min<uint64_t>(address + bytes.size(), end_of(*segment));
    std::memcpy(bytes.data() + (begin - address), (*segment)->bytes.data() + (begin - (*segment)->address),
                end - begin);
  }
  return bytes;
}

uint64_t table_at(Data data, uint64_t address, size_t entries = 0) {
  auto bytes = initial_bytes(data, address);
  std::string digest;
  size_t digested = 0;
  for (const Table& table : kTables) {
    if (entries != 0 && entries != table.size / table.entry) continue;
    if (digested != table.size) digest = hex_digest(ArrayRef(bytes).take_front(digested = table.size));
    if (digest == table.digest) return table.number;
  }
  return 0;
}

// The number of the table that `address` leads to, or 0.
uint64_t table_of(Data data, uint64_t address) {
  if (uint64_t direct = table_at(data, address)) return direct;
  auto slice = initial_bytes(data, address);
  uint64_t pointer = support::endian::read64le(slice.data()), length = support::endian::read64le(slice.data() + 8);
  if (pointer == 0 || pointer > UINT32_MAX || length == 0 || length > kLargestTable) return 0;
  uint64_t found = table_at(data, pointer, length);
  return found == 0 ? 0 : found + kThroughSlice;
}

}  // namespace

class Description {
 public:
  Description(const KnownFunctions& in, uint32_t defined_index)
      : module_(in.module_), never_returns_(in.never_returns_), data_(in.data_) {
    function(defined_index);
  }

  // Empty if it would be too long: nothing may be left out.
  std::string fingerprint() const { return instructions_ > kMostInstructions ? "" : hex_digest(bytes_); }

 private:
  static constexpr uint64_t kFirstPcF = 0x1000;       // Go's number of the first defined function
  static constexpr uint64_t kFirstAddress = 4096;     // of Go's data
  static constexpr size_t kMostInstructions = 4'500;  // of no known function and its callees are there more
  enum InPlace : uint64_t {
    kReturnAddress = 0x10000,
    kTable,
    kCallee,
    kCalleeAgain,
    kForPanic
  };  // in place of an opcode; those are smaller

  void function(uint32_t defined_index) {
    const DefinedFunction& described = module_.functions[defined_index];
    const FunctionBody& body = described.body;
    instructions_ += body.code.size();
    if (instructions_ > kMostInstructions) return;
    type(module_.types[described.type]);
    types(body.locals);
    number(body.code.size());
    for (const Instr& instr : body.code) instruction(instr, body, kFirstPcF + defined_index);
  }

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

  void instruction(const Instr& instr, const FunctionBody& body, uint64_t pc_f) {
    if (instr.op == Op::I64Const && instr.imm >> 16 == pc_f) {
      number(kReturnAddress);
      number(instr.imm & UINT16_MAX);
      return;
    }
    if (instr.op == Op::I64Const && instr.imm >= kFirstAddress && instr.imm <= UINT32_MAX) {
      auto [table, is_new] = tables_.try_emplace(instr.imm, 0);
      if (is_new) table->second = table_of(data_, instr.imm);
      if (table->second != 0) {
        number(kTable);
        number(table->second);
        return;
      }
      if (is_for_panic(instr, body)) {
        number(kForPanic);
        return;
      }
    }
    number(static_cast<uint64_t>(instr.op));
    switch (instr.op) {
      case Op::Call:
        callee(instr, body);
        return;
      case Op::CallIndirect:
        type(module_.types[instr.low()]);
        number(instr.high());
        return;
      case Op::BrTable:
        number(instr.high());
        for (uint32_t i = 0; i < instr.high(); ++i) number(body.br_targets[instr.low() + i]);
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

  // Whether the function ends after this: it unwinds, or comes to `unreachable`, perhaps by calls.
  static bool is_for_panic(const Instr& instr, const FunctionBody& body) {
    constexpr size_t kMostBetween = 1'000;
    const Instr* call = instr.op == Op::Call ? &instr : nullptr;
    for (const Instr& next :
         ArrayRef(body.code).drop_front(size_t(&instr - body.code.data()) + 1).take_front(kMostBetween))
      switch (next.op) {
        case Op::Unreachable:
          return true;
        case Op::Call:
          call = &next;
          break;
        case Op::BrIf:
          // What Go has behind each call: SP into its local, and to where it unwinds.
          if (call == nullptr || &next - call != 3) return false;
          break;
        case Op::Block:
        case Op::Loop:
        case Op::If:
        case Op::Else:
        case Op::Br:
        case Op::BrTable:
        case Op::Return:
        case Op::CallIndirect:
          return false;
        default:
          break;
      }
    return false;
  }

  void callee(const Instr& call, const FunctionBody& body) {
    uint32_t index = call.low();
    if (never_returns_.contains(index)) return;
    if (is_for_panic(call, body)) {
      number(kForPanic);
      return;
    }
    auto [described, is_new] = callees_.try_emplace(index, callees_.size());
    number(is_new ? kCallee : kCalleeAgain);
    if (!is_new) {
      number(described->second);
    } else if (index < module_.import_count()) {
      number(index);
    } else {
      function(index - module_.import_count());
    }
  }

  const Module& module_;
  const DenseSet<uint32_t>& never_returns_;
  const Data data_;
  size_t instructions_ = 0;
  std::vector<uint8_t> bytes_;
  DenseMap<uint64_t, uint64_t> tables_;   // by address
  DenseMap<uint32_t, uint64_t> callees_;  // in which order they came
};

KnownFunctions::KnownFunctions(const Module& module, const DenseSet<uint32_t>& never_returns)
    : module_(module), never_returns_(never_returns) {
  for (const DataSegment& segment : module.datas)
    if (segment.mode == SegmentMode::Active && !segment.bytes.empty()) data_.push_back(&segment);
  stable_sort(data_, [](const DataSegment* a, const DataSegment* b) { return a->address < b->address; });
  for (size_t i = 1; i < data_.size(); ++i)
    if (end_of(data_[i - 1]) > data_[i]->address) data_.clear();
}

std::optional<KnownFunction> KnownFunctions::find(uint32_t defined_index, bool is_resumable) const {
  size_t size = module_.functions[defined_index].body.code.size();
  if (none_of(kKnown, [&](const Known& known) { return known.instructions == size; })) return std::nullopt;
  std::string found = fingerprint(defined_index);
  const Known* known = find_if(kKnown, [&](const Known& candidate) { return candidate.fingerprint == found; });
  if (known == std::end(kKnown)) return std::nullopt;
  // Their helpers take what lies on Go's stack.
  if (known->function >= KnownFunction::Sha256 && !is_resumable) return std::nullopt;
  return known->function;
}

std::string KnownFunctions::fingerprint(uint32_t defined_index) const {
  return Description(*this, defined_index).fingerprint();
}

const char* known_function_name(KnownFunction known) {
  constexpr const char* kNames[kKnownFunctions] = {"memequal",
                                                   "memcmp",
                                                   "memchr",
                                                   "sha256",
                                                   "aes-encrypt",
                                                   "aes-decrypt",
                                                   "aes-encrypt-words",
                                                   "aes-decrypt-words",
                                                   "crc32",
                                                   "index-string",
                                                   "index-bytes",
                                                   "carryless-multiply",
                                                   "fma",
                                                   "sha1",
                                                   "aes-count",
                                                   "gcm-count"};
  return kNames[static_cast<size_t>(known)];
}

}  // namespace aotc
