// revocations.cpp - see include/aotc/revocations.h. A list is parsed into what it says and written again; only if that
// gives the same bytes it was well formed, so order, duplicates and spelling need no rules of their own.
#include "revocations.h"

#include <algorithm>

#include "digest.h"
#include "signed_text.h"

namespace aotc {

namespace {

std::string head_of(const Revocations& list) {
  std::string head = "aotc-revocations 1\nrepository " + list.repository + "\nsequence " +
                     std::to_string(list.sequence) + "\nissued " + std::to_string(list.issued) + "\n";
  for (const auto& [version, reason] : list.compilers) head += "compiler " + version + " " + reason + "\n";
  for (const auto& [index, reason] : list.indexes) head += "index " + index + " " + reason + "\n";
  if (!list.through_reason.empty())
    head += "through " + std::to_string(list.through) + " " + list.through_reason + "\n";
  return head;
}

bool take_entry(std::string_view& text, std::string_view name, std::string& what, std::string& reason) {
  std::string_view value;
  if (!take_line(text, name, value)) return false;
  size_t space = std::min(value.find(' '), value.size());
  what = value.substr(0, space);
  reason = value.substr(std::min(space + 1, value.size()));
  return true;
}

bool is_well_formed(const Revocations& list) {
  auto good = [](const std::map<std::string, std::string>& entries, auto is_name) {
    return std::all_of(entries.begin(), entries.end(),
                       [&](const auto& entry) { return is_name(entry.first) && is_revocation_reason(entry.second); });
  };
  bool named = !list.repository.empty() && list.repository.find_first_of(" \n") == std::string::npos;
  return named && good(list.compilers, is_compiler_version) && good(list.indexes, is_digest) &&
         (list.through_reason.empty() || (is_revocation_reason(list.through_reason) && !list.is_for_fleet()));
}

bool parse(std::string_view head, Revocations& list) {
  const std::string_view whole = head;
  std::string_view value;
  if (!take_line(head, "aotc-revocations", value) || !take_line(head, "repository", value)) return false;
  list.repository = value;
  if (!take_number(head, "sequence", list.sequence) || !take_number(head, "issued", list.issued)) return false;
  std::string what, reason;
  while (take_entry(head, "compiler", what, reason)) list.compilers[what] = reason;
  while (take_entry(head, "index", what, reason)) list.indexes[what] = reason;
  if (take_entry(head, "through", what, list.through_reason) && !parse_number(what, list.through)) return false;
  return head.empty() && is_well_formed(list) && head_of(list) == whole;
}

}  // namespace

bool is_compiler_version(const std::string& text) {
  auto plain = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '+' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), plain);
}

bool is_revocation_reason(const std::string& text) {
  auto printable = [](unsigned char c) { return c >= ' ' && c < 0x7f; };
  return !text.empty() && text.size() <= kMaxReason && std::all_of(text.begin(), text.end(), printable);
}

std::optional<std::string> sign_revocations(const Revocations& list, const std::vector<Signer>& signers,
                                            std::string& error) {
  if (!is_well_formed(list)) return error = "the revocations are not well formed", std::nullopt;
  std::string text = sign_text(head_of(list), signers);
  if (text.size() <= kMaxRevocations) return text;
  error = "there is no room for more revocations in one list";
  return std::nullopt;
}

std::optional<Revocations> verify_revocations(const TrustedKeys& keys, const std::string& text,
                                              const std::string& repository, std::string& error) {
  Revocations list;
  std::optional<SignedText> parts;
  if (text.size() <= kMaxRevocations) parts = split_signatures(text);
  if (!parts || !parse(parts->head, list)) return error = "not a well-formed list of revocations", std::nullopt;
  if (!keys.trust(*parts, error)) return std::nullopt;
  if (list.is_for_fleet() || list.repository == repository) return list;
  error = "revocations for " + list.repository + ", not for " + repository;
  return std::nullopt;
}

std::string reason_against(const Revocations& list, const SignedRelease& release) {
  if (auto found = list.indexes.find(release.index); found != list.indexes.end()) return found->second;
  if (auto found = list.compilers.find(release.compiler); found != list.compilers.end()) return found->second;
  return release.sequence <= list.through ? list.through_reason : "";
}

}  // namespace aotc
