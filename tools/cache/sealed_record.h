// sealed_record.h - a function's record as it lies where strangers may write: compressed, and signed by an operator.
//
//   sealed ::= "aotcF1" index:u16 count:u16 key-id:8 bytes signature:64 bytes { sibling:32 bytes } frame
//   frame  ::= the record, compressed by zstd
//
// A signature takes longer than all else that is done with a record, so it is not one record that is signed but a tree
// of all that were made together: of the index-th of `count` there are the siblings on the way from its leaf to the
// root, which last is signed. Where a row has an odd number of nodes its last one goes up as it is.
//
//   leaf   ::= SHA-256 of 0:u8 name:16 bytes frame        node ::= SHA-256 of 1:u8 left right
//   signed ::= "aotc-functions 1\nroot sha256:" 64 hex "\n"
//
// No statement of a release begins like that, and no leaf can be taken for a node. A record is opened under the name
// that it was asked for by, and nothing of it is looked at before its signature is good.
//
// The name is the function's key, or in a namespace the first 16 bytes of
//
//   SHA-256 of "aotc-namespace 1\n" key:16 bytes namespace
//
// which nobody makes equal to the name of anything else.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>

#include "function_cache.h"
#include "llvm/ADT/StringRef.h"
#include "registry/signing.h"

namespace aotc {

constexpr size_t kMostSealedTogether = 1024;

// What a function is called where it is shared; without a namespace it is for all.
using SharedName = std::array<uint8_t, sizeof(FunctionKey)>;
SharedName shared_name(llvm::StringRef name_space, const FunctionKey& key);

struct SealedRecord {
  SharedName name;
  std::vector<uint8_t> bytes;
};

// At most kMostSealedTogether records, each with the name that its unit has.
std::vector<SealedRecord> seal(llvm::ArrayRef<FunctionRecord> records, llvm::StringRef name_space,
                               const Signer& signer);

// Opens what was sealed by one of these keys. Remembers what it has seen of the trees that they signed, so that it
// looks at each signature once.
class Opener {
 public:
  explicit Opener(TrustedKeys keys) : keys_(std::move(keys)) {}
  // Nothing if it is not for that name, not signed, or no record of that key.
  std::optional<FunctionRecord> open(const SharedName& name, const FunctionKey& key, llvm::ArrayRef<uint8_t> sealed);

 private:
  using Hash = std::array<unsigned char, 32>;
  TrustedKeys keys_;
  std::set<Hash> known_;  // nodes of signed trees
};

}  // namespace aotc
