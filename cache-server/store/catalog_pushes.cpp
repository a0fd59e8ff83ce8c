// catalog_pushes.cpp - what is pushed: blobs that no manifest names yet, manifests, and how the image that becomes of a
// module in one takes its place.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "catalog_impl.h"

namespace aotc::server {

llvm::Error Catalog::add_blob(const std::string& repository, const BlobInfo& blob, const Quota& quota) {
  std::lock_guard<std::mutex> lock(mutex_);
  return make_room(blob.name.tenant, quota, [&]() -> llvm::Error {
    Change change;
    if (llvm::Error error = link(change, blob.name.tenant, repository, {blob.digest(), kBlobType})) return error;
    std::string key = link_key(repository, blob.digest());
    llvm::Expected<std::optional<std::string>> loose = store_.get(Table::Loose, key);
    if (!loose) return loose.takeError();
    if (*loose || !change.links.empty())
      change.records.push_back({Table::Loose, key, number_value(seconds_since_1970())});
    return change.records.empty() ? llvm::Error::success() : apply(change, quota.bytes);
  });
}

llvm::Expected<Catalog::Removal> Catalog::remove_blob(const std::string& repository, const std::string& digest) {
  llvm::Expected<Documents> known = read_documents(repository);
  if (!known) return known.takeError();
  std::lock_guard<std::mutex> lock(mutex_);
  llvm::Expected<std::optional<Link>> found = find_link(store_, repository, digest);
  if (!found) return found.takeError();
  if (!*found) return Removal::Unknown;
  llvm::Expected<Documents> documents = read_documents(repository, *known);
  if (!documents) return documents.takeError();
  bool named = is_document(**found) || std::any_of(documents->begin(), documents->end(), [&](const auto& document) {
                 return llvm::is_contained(document.second, digest);
               });
  if (named) return Removal::Named;
  Change change;
  if (llvm::Error error = unlink(change, repository, digest)) return error;
  change.records.push_back({Table::Loose, link_key(repository, digest), std::nullopt});
  if (llvm::Error error = apply(change, UINT64_MAX)) return error;
  return Removal::Done;
}

llvm::Expected<uint64_t> Catalog::drop_loose(uint64_t age) {
  uint64_t count = 0;
  auto visit = [&](const std::string& key, const std::string&) -> llvm::Error {
    std::lock_guard<std::mutex> lock(mutex_);
    llvm::Expected<std::optional<std::string>> since = store_.get(Table::Loose, key);
    if (!since) return since.takeError();
    std::optional<uint64_t> time = number_of(*since);
    if (!time || *time + age > seconds_since_1970()) return llvm::Error::success();
    auto [repository, digest] = split_key(key);
    Change change;
    if (llvm::Error error = unlink(change, repository, digest)) return error;
    change.records.push_back({Table::Loose, key, std::nullopt});
    ++count;
    return apply(change, UINT64_MAX);
  };
  if (llvm::Error error = for_each(store_, Table::Loose, "", visit)) return error;
  return count;
}

llvm::Expected<std::optional<ImageRecord>> Catalog::image_record(const std::string& repository,
                                                                 const std::string& digest) {
  llvm::Expected<std::optional<std::string>> value = store_.get(Table::Images, image_key(repository, digest));
  if (!value) return value.takeError();
  return ImageRecord::of_value(*value);
}

// What stays although the image that it was a part of goes is an image of its own.
llvm::Error Catalog::adopt(Change& change, const std::string& repository, const std::string& digest) {
  llvm::Expected<std::optional<ImageRecord>> image = image_record(repository, digest);
  if (!image) return image.takeError();
  if (!*image)
    change.records.push_back(
        {Table::Images, image_key(repository, digest), ImageRecord{seconds_since_1970(), true}.value()});
  return llvm::Error::success();
}

// The bytes of a manifest may have come as a blob before.
llvm::Error Catalog::link_document(Change& change, const std::string& repository, const PushedManifest& manifest,
                                   const BlobInfo& blob, bool& is_new) {
  llvm::Expected<std::optional<Link>> known = find_link(store_, repository, manifest.digest);
  if (!known) return known.takeError();
  is_new = !*known || !is_document(**known);
  if (!*known) return link(change, blob.name.tenant, repository, {manifest.digest, manifest.media_type});
  if (!is_new) return llvm::Error::success();
  change.records.push_back(
      {Table::Links, link_key(repository, manifest.digest), Link{(*known)->tenant, manifest.media_type}.value()});
  change.records.push_back({Table::Loose, link_key(repository, manifest.digest), std::nullopt});
  return llvm::Error::success();
}

static llvm::Error unknown_part(const PushedManifest::Part& part) {
  return llvm::make_error<PushError>("MANIFEST_BLOB_UNKNOWN", "the repository does not have " + part.digest);
}

// All that the manifest names has to be there; then it is not loose any more, and no image of its own unless a tag
// names it.
llvm::Error Catalog::check_parts(Change& change, const std::string& repository, const PushedManifest& manifest) {
  llvm::Expected<std::set<std::string>> tags = tagged(repository);
  if (!tags) return tags.takeError();
  for (const PushedManifest::Part& part : manifest.parts) {
    llvm::Expected<std::optional<Link>> link = find_link(store_, repository, part.digest);
    if (!link) return link.takeError();
    if (!*link && part.elsewhere) continue;
    if (!*link) return unknown_part(part);
    llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob({(*link)->tenant, part.digest});
    if (!blob) return blob.takeError();
    if (!*blob) return unknown_part(part);
    if ((*blob)->size != part.size)
      return llvm::make_error<PushError>("SIZE_INVALID", part.digest + " has another size");
    if (part.manifest && !is_document(**link))
      return llvm::make_error<PushError>("MANIFEST_INVALID", part.digest + " is not a manifest");
    change.records.push_back({Table::Loose, link_key(repository, part.digest), std::nullopt});
    if (!part.manifest || tags->count(part.digest) != 0) continue;
    llvm::Expected<std::optional<ImageRecord>> image = image_record(repository, part.digest);
    if (!image) return image.takeError();
    if (*image && (*image)->pushed)
      change.records.push_back({Table::Images, image_key(repository, part.digest), std::nullopt});
  }
  return llvm::Error::success();
}

llvm::Error Catalog::add_manifest(const std::string& repository, const std::string& tag, const PushedManifest& manifest,
                                  const BlobInfo& blob, bool arrives, const Quota& quota) {
  const std::string& tenant = blob.name.tenant;
  const std::string& digest = manifest.digest;
  std::lock_guard<std::mutex> lock(mutex_);
  return make_room(tenant, quota, [&]() -> llvm::Error {
    std::string reason = revocations_.reason_against(repository, {digest, UINT64_MAX, ""});
    if (!reason.empty()) return llvm::make_error<RevokedError>("the image was revoked: " + reason);
    Change change;
    bool is_new = false;
    if (llvm::Error error = check_parts(change, repository, manifest)) return error;
    if (llvm::Error error = link_document(change, repository, manifest, blob, is_new)) return error;
    llvm::Expected<std::optional<ImageRecord>> image = image_record(repository, digest);
    if (!image) return image.takeError();
    bool compiled = *image && !(*image)->pushed, refers = false;
    if (!manifest.subject.empty()) {
      llvm::Expected<bool> has_subject = has_document(repository, manifest.subject);
      if (!has_subject) return has_subject.takeError();
      refers = *has_subject;
      std::string key = referrer_key(repository, manifest.subject, digest);
      llvm::Expected<std::optional<std::string>> known = store_.get(Table::Referrers, key);
      if (!known) return known.takeError();
      if (!*known) change.records.push_back({Table::Referrers, key, "{\"descriptor\":" + manifest.referrer + "}"});
    }
    // Without a tag it goes with its subject, and needs no other reason to stay.
    if (*image || (is_new && !(refers && tag.empty())))
      change.records.push_back(
          {Table::Images, image_key(repository, digest), ImageRecord{seconds_since_1970(), !compiled}.value()});
    if (!tag.empty()) {
      std::string key = tag_key(repository, tag);
      llvm::Expected<std::optional<std::string>> before = store_.get(Table::Tags, key);
      if (!before) return before.takeError();
      llvm::Expected<std::optional<ImageRecord>> old = image_record(repository, before->value_or(""));
      if (!old) return old.takeError();
      bool waits = arrives && *old && !(*old)->pushed;
      if (!waits) change.records.push_back({Table::Tags, key, digest});
      change.records.push_back({Table::Arrivals, key, arrives ? std::optional(digest) : std::nullopt});
      // As if it were published again: nodes that have seen a later one go back to it.
      if (compiled && *before != digest)
        if (llvm::Error error = sign(change, repository, {tenant, digest}, quota.bytes)) return error;
    }
    return apply(change, quota.bytes);
  });
}

// The manifest, which is linked, becomes a referrer of the image that was made of its module.
llvm::Error Catalog::add_source(Change& change, const std::string& repository, const std::string& index,
                                const std::string& manifest) {
  llvm::Expected<std::optional<Link>> link = find_link(store_, repository, manifest);
  if (!link) return link.takeError();
  if (!*link) return llvm::Error::success();
  llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob({(*link)->tenant, manifest});
  if (!blob) return blob.takeError();
  if (!*blob) return llvm::Error::success();
  llvm::Expected<std::string> text = store_.read_blob(**blob, kMaxDocument);
  if (!text) return text.takeError();
  nlohmann::json document = nlohmann::json::parse(*text, nullptr, false), type;
  if (document.is_object()) type = document.value("artifactType", nlohmann::json());
  if (!type.is_string() && document.is_object() && document["config"].is_object())
    type = document["config"].value("mediaType", nlohmann::json());
  nlohmann::json descriptor = {{"mediaType", (*link)->media_type}, {"digest", manifest}, {"size", (*blob)->size}};
  if (type.is_string()) descriptor["artifactType"] = type;
  nlohmann::json record = {{"descriptor", descriptor}, {"source", true}};
  change.records.push_back({Table::Referrers, referrer_key(repository, index, manifest), record.dump()});
  change.records.push_back({Table::Images, image_key(repository, manifest), std::nullopt});
  return llvm::Error::success();
}

// Of an image that takes the place of another.
llvm::Error Catalog::copy_sources(Change& change, const std::string& repository, const std::string& from,
                                  const std::string& to) {
  if (!is_digest(from) || from == to) return llvm::Error::success();
  auto copy = [&](const std::string& manifest, const std::string& text) -> llvm::Error {
    nlohmann::json record = nlohmann::json::parse(text, nullptr, false);
    if (record.is_object() && record.contains("source"))
      change.records.push_back({Table::Referrers, referrer_key(repository, to, manifest), text});
    return llvm::Error::success();
  };
  return for_each(store_, Table::Referrers, referrers_of(repository, from), copy);
}

}  // namespace aotc::server
