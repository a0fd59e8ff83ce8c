// release_document.cpp - see release_document.h. As revocations.cpp does, it parses a document into what it says and
// writes that again: only if the bytes are the same it was well formed.
#include "release_document.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "digest.h"
#include "signed_text.h"

namespace aotc {

namespace {

constexpr size_t kMostMatches = 8, kMaxName = 64, kMaxValue = 128;

std::string head_of(const ReleaseDocument& document) {
  std::string head = "aotc-release 1\nrepository " + document.repository + "\nsequence " +
                     std::to_string(document.sequence) + "\nissued " + std::to_string(document.issued) + "\nfrom " +
                     std::to_string(document.from) + "\nstable " + document.stable + "\n";
  if (!document.canary.empty())
    head += "canary " + document.canary + "\nweight " + std::to_string(document.weight) + "\n";
  for (const auto& [name, value] : document.headers) head += "header " + name + " " + value + "\n";
  for (const auto& [name, value] : document.cookies) head += "cookie " + name + " " + value + "\n";
  if (!document.previous.empty()) head += "previous " + document.previous + "\n";
  return head;
}

bool are_matches(const std::map<std::string, std::string>& matches) {
  return matches.size() <= kMostMatches && std::all_of(matches.begin(), matches.end(), [](const auto& match) {
           return is_match_name(match.first) && is_match_value(match.second);
         });
}

bool is_well_formed(const ReleaseDocument& document) {
  const bool named = !document.repository.empty() && document.repository.find_first_of(" \n") == std::string::npos;
  const bool has_canary = !document.canary.empty();
  if (!has_canary && (document.weight != 0 || !document.headers.empty() || !document.cookies.empty())) return false;
  return named && is_digest(document.stable) && (!has_canary || is_digest(document.canary)) &&
         (document.previous.empty() || is_digest(document.previous)) && document.weight <= kWholeWeight &&
         are_matches(document.headers) && are_matches(document.cookies);
}

void take_matches(std::string_view& head, std::string_view kind, std::map<std::string, std::string>& matches) {
  for (std::string_view value; take_line(head, kind, value);) {
    const size_t space = std::min(value.find(' '), value.size());
    matches[std::string(value.substr(0, space))] = value.substr(std::min(space + 1, value.size()));
  }
}

bool parse(std::string_view head, ReleaseDocument& document) {
  const std::string_view whole = head;
  std::string_view value;
  if (!take_line(head, "aotc-release", value) || !take_line(head, "repository", value)) return false;
  document.repository = value;
  if (!take_number(head, "sequence", document.sequence) || !take_number(head, "issued", document.issued) ||
      !take_number(head, "from", document.from) || !take_line(head, "stable", value))
    return false;
  document.stable = value;
  if (take_line(head, "canary", value)) {
    document.canary = value;
    if (!take_number(head, "weight", document.weight)) return false;
    take_matches(head, "header", document.headers);
    take_matches(head, "cookie", document.cookies);
  }
  if (take_line(head, "previous", value)) document.previous = value;
  return head.empty() && is_well_formed(document) && head_of(document) == whole;
}

}  // namespace

bool is_match_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || (c != 0 && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
  });
}

bool is_match_value(std::string_view text) {
  return !text.empty() && text.size() <= kMaxValue &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

std::optional<std::string> sign_release(const ReleaseDocument& document, const std::vector<Signer>& signers,
                                        std::string& error) {
  if (!is_well_formed(document)) return error = "the release is not well formed", std::nullopt;
  std::string text = sign_text(head_of(document), signers);
  if (text.size() <= kMaxRelease) return text;
  return error = "the release is too long", std::nullopt;
}

std::optional<ReleaseDocument> verify_release(const TrustedKeys& keys, const std::string& text,
                                              const std::string& repository, std::string& error) {
  ReleaseDocument document;
  std::optional<SignedText> parts;
  if (text.size() <= kMaxRelease) parts = split_signatures(text);
  if (!parts || !parse(parts->head, document)) return error = "not a well-formed release", std::nullopt;
  if (!keys.trust(*parts, error)) return std::nullopt;
  if (document.repository == repository) return document;
  return error = "a release of " + document.repository + ", not of " + repository, std::nullopt;
}

}  // namespace aotc
