// evictor.h - which images go so that the rest fits: by age, by bytes, and those that no tag names any more.
//
// An image that has not been used for `age` goes, one without a tag already after `untagged_age`. When the blobs that
// have owners take more than `store_bytes`, images go until they take 5 % less than that: the least recently used ones
// of the tenant that is furthest above its share, again and again. A tenant's share is its quota, or, when the quotas
// promise more than there is, a part of `store_bytes` in proportion to it; a quota that does not limit counts as
// `store_bytes`. So whoever stays within the share loses nothing, whatever others upload. Without a token file there
// are no tenants, and the least recently used image of all goes first.
//
// Images with a pinned tag stay. What an evicted image consisted of leaves the disk as garbage does (see catalog.h).
#pragma once

#include <cstdint>

#include "llvm/Support/Error.h"

namespace aotc::server {

class Catalog;
class Tenants;

struct EvictionLimits {
  uint64_t store_bytes = UINT64_MAX;
  uint64_t age = UINT64_MAX;  // seconds
  uint64_t untagged_age = 7 * 86400;
};

llvm::Error evict_images(Catalog& catalog, Tenants& tenants, const EvictionLimits& limits);

}  // namespace aotc::server
