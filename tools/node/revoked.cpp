// revoked.cpp - see revoked.h.
#include "revoked.h"

#include "registry/digest.h"

namespace {

constexpr uint64_t kForever = 999'999'999'999'999'999;  // no statement has a higher sequence

}  // namespace

bool Revoked::read(ImageFiles& files, const TrustRoot& trust, const ObeyedLists& lists, std::string& error) {
  lists_.clear();
  for (const std::string& digest : {lists.own, lists.fleet}) {
    std::string text;
    if (digest.empty()) continue;
    bool whole = read_blob(files, digest, text, error);
    std::optional<aotc::Revocations> list;
    if (whole) list = aotc::verify_revocations(trust.keys, text, trust.repository, error);
    if (!list) return error = "cannot obey its revocations: " + error, false;
    lists_.push_back(std::move(*list));
  }
  return true;
}

std::optional<Revocation> Revoked::find(const aotc::SignedRelease& release) const {
  for (const aotc::Revocations& list : lists_) {
    std::string reason = aotc::reason_against(list, {release.index, kForever, release.compiler});
    if (!reason.empty()) return Revocation{reason, kForever};
    reason = aotc::reason_against(list, release);
    if (!reason.empty()) return Revocation{reason, list.through};
  }
  return std::nullopt;
}

std::string list_words(const ObeyedLists& lists) {
  return (lists.own.empty() ? "-" : lists.own) + " " + (lists.fleet.empty() ? "-" : lists.fleet);
}

bool parse_list_words(const std::string& text, ObeyedLists& lists) {
  std::vector<std::string> words = split_words(text);
  if (words.size() != 2) return false;
  for (std::string& word : words) {
    if (word == "-") word.clear();
    if (!word.empty() && !aotc::is_digest(word)) return false;
  }
  lists = {words[0], words[1]};
  return true;
}

std::string revoked_words(const std::string& index, const Revocation& revocation) {
  return index + " " + std::to_string(revocation.through) + " " + revocation.reason;
}

bool parse_revoked_words(const std::string& text, std::string& index, Revocation& revocation) {
  size_t first = text.find(' '), second = first == std::string::npos ? first : text.find(' ', first + 1);
  if (second == std::string::npos) return false;
  index = text.substr(0, first);
  revocation.reason = text.substr(second + 1);
  return aotc::is_digest(index) && parse_number(text.substr(first + 1, second - first - 1), revocation.through) &&
         aotc::is_revocation_reason(revocation.reason);
}
