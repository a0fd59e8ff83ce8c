// revoked.h - what the lists of revocations that an app obeys (aotc/revocations.h) say about its releases.
//
// The puller keeps the newest list of the repository and of the fleet in the cache, and their digests and sequences in
// its state. Whoever is about to announce or to map a release reads them again; one that cannot be read is against all
// releases, for it may be that it names just this one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image_cache.h"
#include "registry/revocations.h"

struct Revocation {
  std::string reason;
  uint64_t through = 0;  // statements for the same index with a higher sequence are good
};

class Revoked {
 public:
  // False when one of the lists is missing, damaged or not signed by a trusted key.
  bool read(ImageFiles& files, const TrustRoot& trust, const ObeyedLists& lists, std::string& error);
  std::optional<Revocation> find(const aotc::SignedRelease& release) const;

 private:
  std::vector<aotc::Revocations> lists_;
};

// As the puller says them to the front.
std::string list_words(const ObeyedLists& lists);
bool parse_list_words(const std::string& text, ObeyedLists& lists);
std::string revoked_words(const std::string& index, const Revocation& revocation);
bool parse_revoked_words(const std::string& text, std::string& index, Revocation& revocation);
