// catalog_statements.cpp - what is signed: statements, as referrers of their images, and revocations.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "catalog_impl.h"
#include "oci/provenance.h"
#include "registry/cosign.h"
#include "registry/digest.h"

namespace aotc::server {

namespace {

constexpr size_t kMaxList = 1 << 20;  // bytes of descriptors, but for the last one

// One that was signed here, as opposed to what was pushed.
bool is_statement(const nlohmann::json& record) { return record.is_object() && record.contains("statement"); }

}  // namespace

std::string Catalog::key_ids() const {
  std::string ids;
  for (const Signer& key : signing_.keys) ids += (ids.empty() ? "" : " ") + key.id();
  if (signing_.cosign_key) ids += (ids.empty() ? "" : " ") + signing_.cosign_key->id();
  return ids;
}

// Record in `referrers`: {"descriptor": of the manifest, "statement": digest, "expires": seconds, "keys": ids}.
llvm::Error Catalog::sign(Change& change, const std::string& repository, const BlobName& index, uint64_t limit) {
  if (!signing_.any()) return llvm::Error::success();
  llvm::Expected<std::optional<BlobInfo>> subject = store_.find_blob(index);
  if (!subject) return subject.takeError();
  if (!*subject) return llvm::createStringError(llvm::inconvertibleErrorCode(), index.digest + " is not in the store");
  llvm::Expected<std::optional<std::string>> last = store_.get(Table::Sequences, repository);
  if (!last) return last.takeError();
  uint64_t sequence = number_of(*last).value_or(0) + 1;
  change.records.push_back({Table::Sequences, repository, number_value(sequence)});

  uint64_t now = seconds_since_1970();
  Statement statement{repository, index.digest, sequence, now, now + signing_.valid_seconds};
  auto drop = [&](const std::string& old, const std::string& text) -> llvm::Error {
    nlohmann::json record = nlohmann::json::parse(text, nullptr, false);
    if (!is_statement(record)) return llvm::Error::success();
    for (const std::string& digest : {old, record.value("statement", "")})
      if (llvm::Error error = unlink(change, repository, digest)) return error;
    change.records.push_back({Table::Referrers, referrer_key(repository, index.digest, old), std::nullopt});
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Referrers, referrers_of(repository, index.digest), drop))
    return error;
  if (!signing_.keys.empty()) {
    SignedImage image{kStatementType, kStatementType, sign_statement(statement, signing_.keys)};
    if (llvm::Error error = add_signature(change, statement, "", image, **subject, limit)) return error;
  }
  if (!signing_.cosign_key) return llvm::Error::success();
  const P256Key& key = *signing_.cosign_key;
  llvm::Expected<std::string> origin = provenance(statement, **subject);
  if (!origin) return origin.takeError();
  const std::string payload = simple_signing(statement), envelope = dsse_envelope(*origin, key);
  // Cosign 3 looks at tags only where there is no bundle, be it of somebody else.
  const std::pair<std::string, SignedImage> images[] = {
      {cosign_tag(index.digest, "sig"),
       {kCosignType, kSimpleSigningType, payload, {{kCosignAnnotation, to_base64(key.sign(payload))}}}},
      {cosign_tag(index.digest, "att"),
       {kInTotoType, kDsseType, envelope, {{kCosignAnnotation, ""}, {"predicateType", kProvenance}}}},
      {"", {kBundleType, kBundleType, sigstore_bundle(envelope, key)}}};
  for (const auto& [tag, image] : images)
    if (llvm::Error error = add_signature(change, statement, tag, image, **subject, limit)) return error;
  return llvm::Error::success();
}

// An image that is about an index: a referrer of it, which the next of its kind replaces, and under a tag if there is
// one.
llvm::Error Catalog::add_signature(Change& change, const Statement& statement, const std::string& tag,
                                   const SignedImage& image, const BlobInfo& index, uint64_t limit) {
  const std::string& repository = statement.repository;
  Accounts::Reservation space(store_.accounts(), index.name.tenant, limit);
  llvm::Expected<Referrer> made = store_signature(store_, space, index, image);
  if (!made) return made.takeError();
  for (const ImagePart& part : made->parts)
    if (llvm::Error error = link(change, index.name.tenant, repository, part)) return error;
  nlohmann::json record = {{"descriptor", nlohmann::json::parse(made->descriptor)},
                           {"statement", made->statement},
                           {"expires", statement.expires},
                           {"keys", key_ids()}};
  const std::string& digest = made->parts.back().digest;
  change.records.push_back({Table::Referrers, referrer_key(repository, index.digest(), digest), record.dump()});
  if (!tag.empty()) change.records.push_back({Table::Tags, tag_key(repository, tag), digest});
  return llvm::Error::success();
}

// What an index says of itself: of which module it was compiled, by what, and how.
llvm::Expected<std::string> Catalog::provenance(const Statement& statement, const BlobInfo& index) {
  auto read = [&](const std::string& digest) -> llvm::Expected<nlohmann::json> {
    llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob({index.name.tenant, digest});
    if (!blob) return blob.takeError();
    if (!*blob) return nlohmann::json();
    llvm::Expected<std::string> text = store_.read_blob(**blob, kMaxDocument);
    if (!text) return text.takeError();
    return nlohmann::json::parse(*text, nullptr, false);
  };
  auto digest_in = [](const nlohmann::json& json, const char* key) -> std::string {
    if (!json.is_object() || !json.contains(key) || !json[key].is_object()) return "";
    return json[key].value("digest", "");
  };
  std::vector<nlohmann::json> targets;
  llvm::Expected<nlohmann::json> document = read(index.digest());
  if (!document) return document.takeError();
  if (document->is_object() && document->contains("manifests"))
    for (const nlohmann::json& entry : (*document)["manifests"]) {
      llvm::Expected<nlohmann::json> manifest = read(entry.value("digest", ""));
      if (!manifest) return manifest.takeError();
      llvm::Expected<nlohmann::json> config = read(digest_in(*manifest, "config"));
      if (!config) return config.takeError();
      if (config->is_object() && config->contains("aotc")) targets.push_back((*config)["aotc"]);
    }
  return provenance_statement(statement, targets);
}

llvm::Expected<std::map<std::string, std::string>> Catalog::referrers(const std::string& repository,
                                                                      const std::string& digest,
                                                                      const std::optional<std::string>& type,
                                                                      const std::string& after) {
  std::map<std::string, std::string> descriptors;
  std::string prefix = referrers_of(repository, digest), last = after.empty() ? "" : prefix + after;
  for (size_t bytes = 0; bytes < kMaxList;) {
    auto page = store_.list(Table::Referrers, prefix, last, 1);
    if (!page) return page.takeError();
    if (page->empty()) break;
    last = page->front().first;
    nlohmann::json record = nlohmann::json::parse(page->front().second, nullptr, false);
    if (!record.is_object() || !record.contains("descriptor")) continue;
    if (type && record["descriptor"].value("artifactType", "") != *type) continue;
    std::string& text = descriptors[last.substr(prefix.size())] = record["descriptor"].dump();
    bytes += text.size();
  }
  return descriptors;
}

llvm::Expected<bool> Catalog::needs_statement(const std::string& repository, const std::string& index) {
  bool needed = true;
  auto look = [&](const std::string&, const std::string& text) -> llvm::Error {
    nlohmann::json record = nlohmann::json::parse(text, nullptr, false);
    if (is_statement(record))
      needed = record.value("keys", "") != key_ids() ||
               record.value("expires", uint64_t{0}) < seconds_since_1970() + signing_.valid_seconds / 2;
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Referrers, referrers_of(repository, index), look)) return error;
  return needed;
}

llvm::Expected<uint64_t> Catalog::refresh() {
  uint64_t count = 0;
  if (!signing_.any()) return count;
  auto visit = [&](const std::string& key, const std::string&) -> llvm::Error {
    std::lock_guard<std::mutex> lock(mutex_);
    llvm::Expected<std::optional<std::string>> index = store_.get(Table::Tags, key);
    if (!index) return index.takeError();
    if (!*index) return llvm::Error::success();
    auto [repository, tag] = split_key(key);
    llvm::Expected<std::optional<ImageRecord>> image = image_record(repository, **index);
    if (!image) return image.takeError();
    // What was not compiled here, and what is about to be removed.
    if (tag == kRevocationsTag || !*image || (*image)->pushed ||
        !revocations_.reason_against(repository, {**index, UINT64_MAX, ""}).empty())
      return llvm::Error::success();
    llvm::Expected<bool> needed = needs_statement(repository, **index);
    if (!needed) return needed.takeError();
    llvm::Expected<std::optional<Link>> link = find_link(store_, repository, **index);
    if (!link) return link.takeError();
    if (!*needed || !*link) return llvm::Error::success();
    Change change;
    if (llvm::Error error = sign(change, repository, {(*link)->tenant, **index}, UINT64_MAX)) return error;
    ++count;
    return apply(change, UINT64_MAX);
  };
  if (llvm::Error error = for_each(store_, Table::Tags, "", visit)) return error;
  return count;
}

llvm::Expected<uint64_t> Catalog::revoke_all(const std::string& repository, const std::string& reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  llvm::Expected<std::optional<std::string>> last = store_.get(Table::Sequences, repository);
  if (!last) return last.takeError();
  std::optional<uint64_t> sequence = number_of(*last);
  if (!sequence)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "nothing was ever signed for " + repository);
  uint64_t removed = 0;
  auto remove = [&](const std::string& index, const std::string&) -> llvm::Error {
    llvm::Expected<bool> gone = remove_manifest_locked(repository, index, {});
    if (!gone) return gone.takeError();
    removed += *gone;
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Images, keys_of(repository), remove)) return error;
  if (llvm::Error error = revocations_.add_all_through(repository, *sequence, reason)) return error;
  return removed;
}

llvm::Expected<uint64_t> Catalog::publish_revocations(const Tenants& tenants) {
  uint64_t count = 0;
  auto visit = [&](const std::string& repository, const std::string&) -> llvm::Error {
    std::string tenant = tenants.open_to_all() ? "" : tenant_of(repository);
    llvm::Expected<bool> published = publish_revocations(tenant, repository);
    if (!published) return published.takeError();
    count += *published;
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Sequences, "", visit)) return error;
  return count;
}

llvm::Expected<bool> Catalog::publish_revocations(const std::string& tenant, const std::string& repository) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> texts = revocations_.texts(repository);
  if (texts.empty()) return false;
  std::string key = tag_key(repository, kRevocationsTag);
  llvm::Expected<std::optional<std::string>> before = store_.get(Table::Tags, key);
  if (!before) return before.takeError();
  if (*before == sha256(revocations_manifest(texts))) return false;
  Accounts::Reservation space(store_.accounts(), tenant, UINT64_MAX);
  llvm::Expected<Image> lists = store_revocations(store_, space, texts);
  if (!lists) return lists.takeError();
  Change change;
  if (*before) {
    llvm::Expected<std::optional<BlobInfo>> manifest = store_.find_blob({tenant, **before});
    if (!manifest) return manifest.takeError();
    std::vector<std::string> old = {**before};
    if (*manifest) {
      llvm::Expected<std::string> text = store_.read_blob(**manifest, kMaxDocument);
      if (!text) return text.takeError();
      for (const std::string& digest : named_by(*text)) old.push_back(digest);
    }
    for (const std::string& digest : old)
      if (std::none_of(lists->parts.begin(), lists->parts.end(), [&](auto& part) { return part.digest == digest; }))
        if (llvm::Error error = unlink(change, repository, digest)) return error;
  }
  for (const ImagePart& part : lists->parts)
    if (llvm::Error error = link(change, tenant, repository, part)) return error;
  change.records.push_back({Table::Tags, key, lists->index});
  if (llvm::Error error = apply(change, UINT64_MAX)) return error;
  return true;
}

}  // namespace aotc::server
