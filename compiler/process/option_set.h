// option_set.h - what was asked of a compilation: the options of compile_options.def with checked values, as text.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "compile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

namespace aotc {

enum class Option : uint8_t {
#define OPTION(option, ...) option,
#include "support/compile_options.def"
};

enum class OptionKind : uint8_t { Choice, Count, Text, Argument, Variable, Secret, Directory, Request };
enum class OptionUser : uint8_t { Anyone, Local };

// A row of compile_options.def.
struct OptionInfo {
  Option option;
  const char *name, *word;
  OptionKind kind;
  const char *value, *standard;
  uint64_t least, most;
  OptionUser user;
  const char* help;
  bool freezer;  // a FREEZE_OPTION

  bool repeated() const { return kind >= OptionKind::Argument; }
  std::vector<std::string> choices() const;  // of a CHOICE
  std::string explanation() const;           // its help, with the range that it has
};

llvm::ArrayRef<OptionInfo> option_table();
const OptionInfo& info(Option option);
const OptionInfo* find_option(llvm::StringRef name);  // null when there is none

class OptionSet {
 public:
  // One more value of what may be given several times, else the only one. `for_server`: what a server may be asked, and
  // can keep in a record. An Error says what is wrong with the value, not with whose.
  llvm::Error add(Option option, std::string value, bool for_server);

  // Without a check: of ours, or for whom it is will check. "": none.
  void set(Option option, std::string value);

  // Its value, or its standard.
  std::string get(Option option) const;
  bool is(Option option, llvm::StringRef value) const { return get(option) == value; }
  Imports imports() const { return is(Option::Imports, "any") ? Imports::Any : Imports::Known; }
  Tier tier() const {
    return is(Option::Tier, "quick") ? Tier::Quick : is(Option::Tier, "auto") ? Tier::Auto : Tier::Best;
  }
  // All its values, or its standard unless that is empty.
  std::vector<std::string> all(Option option) const;

  // (name, value) from Snapshot on, in the table's order; a record that has them says the same in a later version with
  // other standards.
  std::vector<std::pair<std::string, std::string>> snapshot_pairs() const;

 private:
  static constexpr size_t kOptions = static_cast<size_t>(Option::Warmup) + 1;
  std::array<std::vector<std::string>, kOptions> values_;
};

// Of a REQUEST.
std::string encode_request(llvm::StringRef bytes);
llvm::Expected<std::string> decode_request(llvm::StringRef text);

}  // namespace aotc
