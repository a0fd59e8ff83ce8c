// signed_text.cpp - see signed_text.h.
#include "signed_text.h"

#include "digest.h"

namespace aotc {

namespace {

constexpr size_t kMaxSignatures = 16;
constexpr size_t kSignatureBytes = 64;

}  // namespace

bool take_line(std::string_view& text, std::string_view name, std::string_view& value) {
  if (text.substr(0, name.size()) != name || text.size() <= name.size() || text[name.size()] != ' ') return false;
  size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  value = text.substr(name.size() + 1, end - name.size() - 1);
  text.remove_prefix(end + 1);
  return true;
}

bool parse_number(std::string_view text, uint64_t& number) {
  if (text.empty() || text.size() > 18 || (text[0] == '0' && text.size() > 1)) return false;
  number = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return true;
}

bool take_number(std::string_view& text, std::string_view name, uint64_t& number) {
  std::string_view value;
  return take_line(text, name, value) && parse_number(value, number);
}

std::optional<SignedText> split_signatures(std::string_view text) {
  constexpr std::string_view kFirst = "\nsignature ";
  size_t end = text.find(kFirst);
  if (end == std::string_view::npos) return std::nullopt;
  SignedText parts{text.substr(0, end + 1), {}};
  for (std::string_view rest = text.substr(end + 1), value; !rest.empty();) {
    Signature signature;
    std::optional<std::string> bytes;
    if (!take_line(rest, "signature", value) || value.size() != 16 + 1 + 2 * kSignatureBytes || value[16] != ' ' ||
        !(bytes = from_hex(value.substr(17))) || parts.signatures.size() == kMaxSignatures)
      return std::nullopt;
    signature.id = value.substr(0, 16);
    signature.bytes.assign(bytes->begin(), bytes->end());
    parts.signatures.push_back(signature);
  }
  return parts;
}

}  // namespace aotc
