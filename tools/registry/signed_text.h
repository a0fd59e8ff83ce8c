// signed_text.h - what signed documents have in common: lines "NAME VALUE", then the signatures over all of them.
//
//   document  = head, signature, { signature } ;                   head: lines that do not begin with "signature "
//   signature = "signature ", key id, " ", 128 hex, "\n" ;         over the bytes of `head`, see signing.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aotc {

struct Signature {
  std::string_view id;
  std::vector<unsigned char> bytes;
};

struct SignedText {
  std::string_view head;
  std::vector<Signature> signatures;  // 1 to 16
};

// Nothing when it has another form.
std::optional<SignedText> split_signatures(std::string_view text);

// Takes "NAME VALUE\n" from the front.
bool take_line(std::string_view& text, std::string_view name, std::string_view& value);
bool take_number(std::string_view& text, std::string_view name, uint64_t& number);
// Decimal without leading zeros, below 10^18.
bool parse_number(std::string_view text, uint64_t& number);

}  // namespace aotc
