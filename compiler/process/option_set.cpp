// option_set.cpp - see option_set.h.
#include "option_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/JSON.h"
#include "support/error.h"
#include "support/quantity.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr OptionKind CHOICE = OptionKind::Choice, COUNT = OptionKind::Count, TEXT = OptionKind::Text,
                     ARGUMENT = OptionKind::Argument, VARIABLE = OptionKind::Variable, SECRET = OptionKind::Secret,
                     DIRECTORY = OptionKind::Directory, REQUEST = OptionKind::Request;
constexpr OptionUser ANYONE = OptionUser::Anyone, LOCAL = OptionUser::Local;

constexpr OptionInfo kTable[] = {
#define OPTION(option, name, word, kind, value, standard, least, most, user, help) \
  {Option::option, name, word, kind, value, standard, least, most, user, help, false},
#define FREEZE_OPTION(option, name, word, kind, value, standard, least, most, user, help) \
  {Option::option, name, word, kind, value, standard, least, most, user, help, true},
#include "support/compile_options.def"
};

// What stands in for one of them when there is no right one.
std::string expected(const OptionInfo& info) {
  if (info.kind != OptionKind::Choice) return std::string("expected ") + info.value;
  std::vector<std::string> words = info.choices();
  std::string last = words.back();
  words.pop_back();
  return fmt::format("expected {} or {}", fmt::join(words, ", "), last);
}

Error wrong(const std::string& what, const std::string& value) { return failure(what + ": " + value); }

Error check_count(const char* text, uint64_t least, uint64_t most) {
  char expected[AOTC_QUANTITY_TEXT];
  uint64_t value;
  if (aotc_read_quantity(text, AOTC_COUNT, least, most, &value, expected)) return Error::success();
  return wrong(expected, text);
}

Error check_request(const OptionInfo& info, StringRef text, size_t others, bool for_server) {
  Expected<std::string> bytes = decode_request(text);
  if (!bytes) return bytes.takeError();
  if (bytes->empty()) return failure("an empty request");
  if (for_server && others + bytes->size() > info.most)
    return failure(fmt::format("more than {} bytes, which is what a server takes", info.most));
  return Error::success();
}

Error check_value(const OptionInfo& info, const std::string& value) {
  size_t separator = value.find(info.kind == OptionKind::Secret ? ':' : '=');
  bool named = separator != 0 && separator != std::string::npos;
  if (value.find('\0') != std::string::npos) return failure("has a zero byte");
  switch (info.kind) {
    case OptionKind::Choice: {
      std::vector<std::string> words = info.choices();
      return std::find(words.begin(), words.end(), value) != words.end() ? Error::success()
                                                                         : wrong(expected(info), value);
    }
    case OptionKind::Count:
      return check_count(value.c_str(), info.least, info.most);
    case OptionKind::Variable:
      return named ? Error::success() : wrong(expected(info), value);
    case OptionKind::Secret:
      if (!named || value.find('=') < separator) return wrong(expected(info), value);
      return check_count(value.c_str() + separator + 1, info.least, info.most);
    case OptionKind::Directory:
      return StringRef(value).ends_with(":ro") ? Error::success() : wrong(expected(info), value);
    case OptionKind::Text:
    case OptionKind::Argument:
    case OptionKind::Request:
      return Error::success();
  }
  return Error::success();
}

}  // namespace

std::vector<std::string> OptionInfo::choices() const {
  SmallVector<StringRef, 4> words;
  StringRef(value).split(words, '|');
  return {words.begin(), words.end()};
}

std::string OptionInfo::explanation() const {
  if (kind != OptionKind::Count && kind != OptionKind::Secret) return help;
  return fmt::format("{} (from {} to {})", help, least, most);
}

ArrayRef<OptionInfo> option_table() { return kTable; }
const OptionInfo& info(Option option) { return kTable[static_cast<size_t>(option)]; }

const OptionInfo* find_option(StringRef name) {
  auto found =
      std::find_if(std::begin(kTable), std::end(kTable), [&](const OptionInfo& row) { return name == row.name; });
  return found == std::end(kTable) ? nullptr : found;
}

Error OptionSet::add(Option option, std::string value, bool for_server) {
  const OptionInfo& row = info(option);
  std::vector<std::string>& values = values_[static_cast<size_t>(option)];
  if (for_server && row.user == OptionUser::Local) return failure("a server takes none");
  if (for_server && !json::isUTF8(value)) return failure("a server takes UTF-8 only");
  if (Error error = check_value(row, value)) return error;
  if (row.kind == OptionKind::Request) {
    size_t others = 0;
    if (for_server)
      for (const std::string& other : values) others += cantFail(decode_request(other)).size();
    if (Error error = check_request(row, value, others, for_server)) return error;
  }
  if (row.kind == OptionKind::Variable && values.size() == row.most)
    return failure(fmt::format("there may be {}", row.most));
  if (!row.repeated()) values.clear();
  values.push_back(std::move(value));
  return Error::success();
}

void OptionSet::set(Option option, std::string value) {
  std::vector<std::string>& values = values_[static_cast<size_t>(option)];
  values.clear();
  if (!value.empty()) values.push_back(std::move(value));
}

std::string OptionSet::get(Option option) const {
  const std::vector<std::string>& values = values_[static_cast<size_t>(option)];
  return values.empty() ? info(option).standard : values.front();
}

std::vector<std::string> OptionSet::all(Option option) const {
  const std::vector<std::string>& values = values_[static_cast<size_t>(option)];
  if (values.empty() && *info(option).standard != 0) return {info(option).standard};
  return values;
}

std::vector<std::pair<std::string, std::string>> OptionSet::snapshot_pairs() const {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const OptionInfo& row : option_table())
    if (row.option >= Option::Snapshot)
      for (std::string& value : all(row.option)) pairs.emplace_back(row.name, std::move(value));
  return pairs;
}

std::string encode_request(StringRef bytes) { return encodeBase64(bytes); }

Expected<std::string> decode_request(StringRef text) {
  std::vector<char> bytes;
  if (Error error = decodeBase64(text, bytes)) return error;
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace aotc
