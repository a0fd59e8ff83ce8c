// catalog.h - which repository has what, who pays for it, and when a blob may go. Nobody else writes to the store's
// tables links, tags, referrers, sequences, owners, images, pins, loose and arrivals; to garbage the store itself does,
// for a blob that is new.
//
// A blob is owned as long as a repository links it or a job holds it; otherwise it is garbage, which counts against its
// tenant's quota until it is dropped: by sweep() after `grace`, and at once when the quota is in the way of something
// else. Whoever stores a blob has a lease of it until it is linked, so that it is not dropped before.
//
// An image is an index in a repository. It is used when it is published and when somebody asks for it by tag or digest;
// uses are kept in memory until record_uses(), so a crash forgets some. Evicting it is removing its manifest, except
// when one of its tags is pinned. A tenant whose quota says so has its images evicted, the least recently used first,
// where another one is refused.
//
// What is pushed is never signed. A blob that came by itself is loose until a manifest names it, and goes after a
// while. A manifest with a module to be compiled arrives: its tag names it until the compiled image does, unless the
// tag names a compiled image already, which it does until then. The image has the manifest among its referrers, with
// which it stays and goes.
//
// With keys, publishing an image also signs a statement for it, a referrer of its index that replaces the one before.
// With a key of cosign's kind it is signed as cosign does it, too, with an attestation of where it comes from, under
// the tags that cosign looks for; such tags, whoever pushed them, go with what they are about. refresh() signs again
// what is tagged and whose statement has passed half of its time or was signed by other keys.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "oci/oci_image.h"
#include "oci/pushed_manifest.h"
#include "registry/p256.h"
#include "registry/signing.h"
#include "store.h"
#include "support/version.h"
#include "tenants/accounts.h"
#include "tenants/revocation_book.h"
#include "tenants/tenants.h"

namespace aotc::server {

// "tenant/app" -> "tenant"
std::string tenant_of(const std::string& repository);

struct ImageName {
  std::string repository, tag;
  // Not empty: only if the tag still names this index, or nothing, for kNoTag, or, after kPushed, the manifest with
  // this digest is the last one that was pushed there.
  std::string was = "";
};
constexpr const char* kNoTag = "-";
constexpr llvm::StringLiteral kPushed = "pushed ";

llvm::Expected<std::optional<Link>> find_link(Store& store, const std::string& repository, const std::string& digest);

struct ImageUse {
  std::string repository, index;
  uint64_t used = 0;  // seconds since 1970
};

struct SigningOptions {
  std::vector<Signer> keys;
  std::shared_ptr<P256Key> cosign_key = nullptr;  // with none of both nothing is signed
  uint64_t valid_seconds = 90 * 86400;

  bool any() const { return !keys.empty() || cosign_key; }
  // Of what has one form only: whoever trusts any of them is told what is revoked.
  std::vector<Signer> all_keys() const {
    std::vector<Signer> all = keys;
    if (cosign_key) all.emplace_back(cosign_key);
    return all;
  }
};

class Catalog {
 public:
  Catalog(Store& store, SigningOptions signing, RevocationBook& revocations)
      : store_(store), signing_(std::move(signing)), revocations_(revocations) {}
  // Adds up what each tenant owns. Call it first.
  llvm::Error open();
  // Of blobs that are owned.
  uint64_t owned_bytes(const std::string& tenant);
  uint64_t owned_bytes();

  // For what is to be stored for a tenant. Makes room by dropping garbage, and images when the quota says "evict".
  Accounts::Reservation reserve(const std::string& tenant, const Quota& quota);
  // What could be reserved at most.
  uint64_t room(const std::string& tenant, const Quota& quota);

  // Each of these is done as a whole or, with a QuotaError or another one, not at all; `records` are written with it.
  llvm::Error hold(const BlobName& module, const Quota& quota, std::vector<Record> records);
  llvm::Error release(const BlobName& module, std::vector<Record> records);
  // The records alone.
  llvm::Error record(const std::string& tenant, const Quota& quota, const std::vector<Record>& records);
  // Of the tenant's own blobs, of which the caller has leases. With `released` this is also the end of a job. Without a
  // name that is to be had nothing is published; a RevokedError when it is revoked under one of them.
  llvm::Error publish(const std::string& tenant, const std::vector<ImageName>& names, const Image& image,
                      const Quota& quota, std::vector<Record> records, const BlobName* released = nullptr);
  // Something that was pushed, by one whose repository it is; PushError when a manifest names what is not there. With
  // `arrives` the tag waits for what becomes of the manifest's module.
  llvm::Error add_blob(const std::string& repository, const BlobInfo& blob, const Quota& quota);
  llvm::Error add_manifest(const std::string& repository, const std::string& tag, const PushedManifest& manifest,
                           const BlobInfo& blob, bool arrives, const Quota& quota);
  enum class Removal { Done, Unknown, Named };
  // Not while a manifest of the repository names it.
  llvm::Expected<Removal> remove_blob(const std::string& repository, const std::string& digest);
  // Removes blobs that have been loose for `age` seconds from their repositories; their number.
  llvm::Expected<uint64_t> drop_loose(uint64_t age);
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
  uint64_t dropped_blobs() const { return dropped_; }

  // Why nothing that this server compiles now would be published there; empty when nothing is against it.
  std::string reason_against_compiler(const std::string& repository) {
    return revocations_.reason_against(repository, {"", UINT64_MAX, std::string(aotc_version)});
  }
  // Whoever publishes has done so, or sees what is revoked by now.
  void wait_for_publishers() { std::lock_guard<std::mutex> lock(mutex_); }
  // Removes all images of a repository, and revokes whatever was signed for it so far; the number of images.
  llvm::Expected<uint64_t> revoke_all(const std::string& repository, const std::string& reason);
  // Puts the lists that are for it under kRevocationsTag of each repository that something was ever signed for, where
  // they are not; the number of repositories.
  llvm::Expected<uint64_t> publish_revocations(const Tenants& tenants);

  // The referrers of a manifest, as JSON descriptors by their digests: those after one, at least one of them and no
  // more than some MiB in all. Of an artifact type, if it is given.
  llvm::Expected<std::map<std::string, std::string>> referrers(const std::string& repository, const std::string& digest,
                                                               const std::optional<std::string>& type,
                                                               const std::string& after);
  // The number of statements signed again.
  llvm::Expected<uint64_t> refresh();

  // Drops what has been garbage for `grace` seconds.
  llvm::Error sweep(uint64_t grace);
  // Drops all garbage of a tenant; false when there was none.
  llvm::Expected<bool> drop_garbage(const std::string& tenant);

 private:
  struct Change;
  // What each manifest and index names, by its digest. A digest's document never changes, so those of a repository are
  // read before there is a lock, and under it only what has come since.
  using Documents = std::map<std::string, std::vector<std::string>>;
  llvm::Error apply(Change& change, uint64_t limit);
  llvm::Error make_room(const std::string& tenant, const Quota& quota, llvm::function_ref<llvm::Error()> attempt);
  llvm::Expected<bool> drop_garbage_locked(const std::string& tenant);
  llvm::Expected<bool> drop_if_unowned(const std::string& key, uint64_t grace);
  llvm::Expected<bool> evict_locked(const ImageUse& image, Evict which, const Documents& known = {});
  llvm::Expected<bool> is_kept(const ImageUse& image, Evict which);
  llvm::Expected<bool> has_document(const std::string& repository, const std::string& digest);
  llvm::Error read_document(const std::string& digest, const Link& link, Documents& documents);
  llvm::Expected<Documents> read_documents(const std::string& repository, const Documents& known = {});
  llvm::Expected<bool> remove_manifest_locked(const std::string& repository, const std::string& digest,
                                              const Documents& known);
  llvm::Error sign(Change& change, const std::string& repository, const BlobName& index, uint64_t limit);
  llvm::Expected<bool> needs_statement(const std::string& repository, const std::string& index);
  std::string key_ids() const;
  llvm::Error add_signature(Change& change, const Statement& statement, const std::string& tag,
                            const SignedImage& image, const BlobInfo& index, uint64_t limit);
  llvm::Expected<std::string> provenance(const Statement& statement, const BlobInfo& index);
  llvm::Error link(Change& change, const std::string& tenant, const std::string& repository, const ImagePart& part);
  llvm::Error link_document(Change& change, const std::string& repository, const PushedManifest& manifest,
                            const BlobInfo& blob, bool& is_new);
  llvm::Error check_parts(Change& change, const std::string& repository, const PushedManifest& manifest);
  llvm::Error adopt(Change& change, const std::string& repository, const std::string& digest);
  llvm::Error add_source(Change& change, const std::string& repository, const std::string& index,
                         const std::string& manifest);
  llvm::Error copy_sources(Change& change, const std::string& repository, const std::string& from,
                           const std::string& to);
  llvm::Expected<std::optional<ImageRecord>> image_record(const std::string& repository, const std::string& digest);
  llvm::Expected<std::set<std::string>> tagged(const std::string& repository);
  llvm::Error unlink(Change& change, const std::string& repository, const std::string& digest);
  llvm::Expected<bool> publish_revocations(const std::string& tenant, const std::string& repository);

  Store& store_;
  SigningOptions signing_;
  RevocationBook& revocations_;
  std::atomic<uint64_t> evicted_{0}, dropped_{0};
  std::mutex mutex_;                       // one change at a time, from its first look to the disk
  std::mutex totals_mutex_;                // of what follows; nobody waits for the disk under it
  std::map<std::string, uint64_t> owned_;  // bytes, by tenant
  std::map<std::string, uint64_t> uses_;   // not yet recorded, by the key in `images`
};

}  // namespace aotc::server
