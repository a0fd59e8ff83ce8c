// catalog.h - which repository has what, who pays for it, and when a blob may go: the only writer of the store's tables
// links, tags, owners, garbage, images and pins.
//
// A tenant owns a blob as long as one of its repositories links it or one of its jobs holds it. It pays for each blob
// once, however many others own it too. A blob without an owner is garbage; sweep() drops it when it has been that for
// `grace`, which is longer than anything takes between storing a blob and linking it.
//
// An image is an index in a repository. It is used when it is published and when somebody asks for it by tag or digest;
// uses are kept in memory until record_uses(), so a crash forgets some. Evicting it is removing its manifest, except
// when one of its tags is pinned. A tenant whose quota says so has its images evicted, the least recently used first,
// where another one is refused.
//
// With keys, publishing an image also signs a statement for it, a referrer of its index that replaces the one before.
// refresh() signs again what is tagged and whose statement has passed half of its time or was signed by other keys.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "aotc/signing.h"
#include "oci_image.h"
#include "store.h"
#include "tenants.h"

namespace aotc::server {

// "tenant/app" -> "tenant"
std::string tenant_of(const std::string& repository);

class QuotaError : public llvm::ErrorInfo<QuotaError> {
 public:
  static char ID;
  explicit QuotaError(uint64_t limit) : limit(limit) {}
  void log(llvm::raw_ostream& os) const override;
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  uint64_t limit;
};

struct ImageName {
  std::string repository, tag;
  std::string was = "";  // not empty: only if the tag still names this index
};

// A job's share of its module.
struct Hold {
  std::string tenant, digest;
};

struct ImageUse {
  std::string repository, index;
  uint64_t used = 0;  // seconds since 1970
};

struct SigningOptions {
  std::vector<Signer> keys;  // none: nothing is signed
  uint64_t valid_seconds = 90 * 86400;
};

class Catalog {
 public:
  Catalog(Store& store, SigningOptions signing) : store_(store), signing_(std::move(signing)) {}
  // Adds up what each tenant owns. Call it first.
  llvm::Error open();
  uint64_t bytes_of(const std::string& tenant);
  // Of all blobs that have an owner, each once.
  uint64_t owned_bytes();

  // Each of these is done as a whole or, with a QuotaError or another one, not at all; `records` are written with it.
  llvm::Error hold(const Hold& hold, const Quota& quota, std::vector<Record> records);
  llvm::Error release(const Hold& hold, std::vector<Record> records);
  // With `released` this is also the end of a job. Without a name that is to be had nothing is published.
  llvm::Error publish(const std::vector<ImageName>& names, const Image& image, const Quota& quota,
                      std::vector<Record> records, const Hold* released = nullptr);
  // False when there is no such tag or manifest. Removing a manifest removes its tags and what only it needs.
  llvm::Expected<bool> remove_tag(const std::string& repository, const std::string& tag);
  llvm::Expected<bool> remove_manifest(const std::string& repository, const std::string& digest);

  // False when there is no such tag.
  llvm::Expected<bool> pin(const std::string& repository, const std::string& tag, bool pinned);
  void touch(const std::string& repository, const std::string& index);
  llvm::Error record_uses();
  // Of the repositories whose names start like this, the least recently used first.
  llvm::Expected<std::vector<ImageUse>> images(const std::string& prefix);
  enum class Evict { Untagged, Unpinned };
  // False, and nothing is done, when it was used since, or has a tag or a pinned one.
  llvm::Expected<bool> evict(const ImageUse& image, Evict which);
  uint64_t evicted_images() const { return evicted_; }

  // The referrers of a manifest as JSON descriptors.
  llvm::Expected<std::vector<std::string>> referrers(const std::string& repository, const std::string& digest);
  // The number of statements signed again.
  llvm::Expected<uint64_t> refresh();

  // Drops what has been garbage for `grace` seconds; the number of blobs.
  llvm::Expected<uint64_t> sweep(uint64_t grace);

 private:
  struct Change;
  llvm::Error apply(Change& change, uint64_t limit);
  llvm::Error make_room(const Quota& quota, const std::string& tenant, llvm::function_ref<llvm::Error()> attempt);
  llvm::Expected<bool> evict_locked(const ImageUse& image, Evict which);
  llvm::Expected<bool> is_kept(const ImageUse& image, Evict which);
  llvm::Expected<bool> remove_manifest_locked(const std::string& repository, const std::string& digest);
  llvm::Error sign(Change& change, const std::string& repository, const std::string& index);
  llvm::Expected<bool> needs_statement(const std::string& repository, const std::string& index);
  std::string key_ids() const;
  llvm::Error link(Change& change, const std::string& repository, const ImagePart& part);

  Store& store_;
  SigningOptions signing_;
  std::atomic<uint64_t> evicted_{0};
  std::mutex mutex_;                       // one change at a time, from its first look to the disk
  std::mutex totals_mutex_;                // of what follows; nobody waits for the disk under it
  std::map<std::string, uint64_t> bytes_;  // by tenant
  uint64_t owned_bytes_ = 0;
  std::map<std::string, uint64_t> uses_;  // not yet recorded, by the key in `images`
};

}  // namespace aotc::server
