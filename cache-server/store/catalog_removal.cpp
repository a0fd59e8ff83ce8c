// catalog_removal.cpp - what goes: tags, manifests with what only they need, and garbage.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "catalog_impl.h"

namespace aotc::server {

// What a manifest or index names: manifests, config, layers.
std::vector<std::string> named_by(const std::string& document) {
  std::vector<std::string> digests;
  nlohmann::json json = nlohmann::json::parse(document, nullptr, false);
  auto add = [&](const nlohmann::json& descriptor) {
    if (descriptor.is_object() && descriptor.contains("digest") && descriptor["digest"].is_string())
      digests.push_back(descriptor["digest"].get<std::string>());
  };
  if (!json.is_object()) return digests;
  for (const char* list : {"manifests", "layers"})
    if (json.contains(list) && json[list].is_array())
      for (const nlohmann::json& descriptor : json[list]) add(descriptor);
  if (json.contains("config")) add(json["config"]);
  return digests;
}

namespace {

// "sha256-HEX.sig", ".att" and ".sbom" are tags with which cosign says what something is about: that digest.
std::string subject_of_tag(llvm::StringRef tag) {
  if (!tag.consume_front("sha256-")) return "";
  auto [hex, suffix] = tag.split('.');
  std::string digest = "sha256:" + hex.str();
  bool known = suffix == "sig" || suffix == "att" || suffix == "sbom";
  return known && is_digest(digest) ? digest : "";
}

// What documents lead to, themselves included, except what is `closed`.
std::set<std::string> reachable(const std::map<std::string, std::vector<std::string>>& documents,
                                std::vector<std::string> ways, const std::set<std::string>& closed) {
  std::set<std::string> found;
  while (!ways.empty()) {
    std::string name = ways.back();
    ways.pop_back();
    if (closed.count(name) != 0 || !found.insert(name).second) continue;
    auto children = documents.find(name);
    if (children != documents.end()) ways.insert(ways.end(), children->second.begin(), children->second.end());
  }
  return found;
}

}  // namespace

llvm::Expected<bool> Catalog::remove_tag(const std::string& repository, const std::string& tag) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string key = tag_key(repository, tag);
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Tags, key);
  if (!known) return known.takeError();
  if (!*known) return false;
  if (llvm::Error error = store_.put(
          {{Table::Tags, key, std::nullopt}, {Table::Pins, key, std::nullopt}, {Table::Arrivals, key, std::nullopt}}))
    return error;
  return true;
}

llvm::Expected<bool> Catalog::remove_manifest(const std::string& repository, const std::string& digest) {
  llvm::Expected<bool> is_there = has_document(repository, digest);
  if (!is_there || !*is_there) return is_there;
  llvm::Expected<Documents> known = read_documents(repository);
  if (!known) return known.takeError();
  std::lock_guard<std::mutex> lock(mutex_);
  return remove_manifest_locked(repository, digest, *known);
}

llvm::Expected<bool> Catalog::has_document(const std::string& repository, const std::string& digest) {
  llvm::Expected<std::optional<Link>> found = find_link(store_, repository, digest);
  if (!found) return found.takeError();
  return *found && is_document(**found);
}

llvm::Error Catalog::read_document(const std::string& digest, const Link& link, Documents& documents) {
  llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob({link.tenant, digest});
  if (!blob) return blob.takeError();
  if (!*blob) return llvm::Error::success();
  llvm::Expected<std::string> text = store_.read_blob(**blob, kMaxDocument);
  if (!text) return text.takeError();
  documents[digest] = named_by(*text);
  return llvm::Error::success();
}

llvm::Expected<Catalog::Documents> Catalog::read_documents(const std::string& repository, const Documents& known) {
  Documents documents;
  auto read = [&](const std::string& digest, const std::string& value) -> llvm::Error {
    Link link = Link::of_value(value);
    if (!is_document(link)) return llvm::Error::success();
    auto found = known.find(digest);
    if (found == known.end()) return read_document(digest, link, documents);
    documents.insert(*found);
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Links, keys_of(repository), read)) return error;
  return documents;
}

llvm::Expected<std::set<std::string>> Catalog::tagged(const std::string& repository) {
  std::set<std::string> digests;
  auto add = [&](const std::string& tag, const std::string& digest) {
    if (subject_of_tag(tag).empty()) digests.insert(digest);
    return llvm::Error::success();
  };
  for (Table table : {Table::Tags, Table::Arrivals})
    if (llvm::Error error = for_each(store_, table, keys_of(repository), add)) return error;
  return digests;
}

llvm::Expected<bool> Catalog::remove_manifest_locked(const std::string& repository, const std::string& digest,
                                                     const Documents& known) {
  llvm::Expected<bool> is_there = has_document(repository, digest);
  if (!is_there || !*is_there) return is_there;
  llvm::Expected<Documents> documents = read_documents(repository, known);
  if (!documents) return documents.takeError();
  llvm::Expected<std::set<std::string>> tags = tagged(repository);
  if (!tags) return tags.takeError();

  std::string prefix = keys_of(repository);
  std::map<std::string, std::set<std::string>> subjects;  // by referrer
  auto refers = [&](const std::string& key, const std::string&) -> llvm::Error {
    auto [subject, manifest] = split_key(key);
    subjects[manifest].insert(subject);
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Referrers, prefix, refers)) return error;
  auto tells = [&](const std::string& tag, const std::string& manifest) -> llvm::Error {
    if (std::string subject = subject_of_tag(tag); !subject.empty()) subjects[manifest].insert(subject);
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Tags, prefix, tells)) return error;

  // Everything that other manifests of the repository lead to stays. A manifest that an index names is no root, unless
  // a tag names it, too. With a manifest goes what refers to it and to nothing else.
  std::set<std::string> inner, removed = {digest}, alive, dead;
  for (const auto& [name, children] : *documents) inner.insert(children.begin(), children.end());
  for (bool more = true; more;) {
    std::vector<std::string> ways;
    for (const auto& [name, children] : *documents)
      if (removed.count(name) == 0 && (inner.count(name) == 0 || tags->count(name) != 0)) ways.push_back(name);
    alive = reachable(*documents, std::move(ways), removed);
    dead = reachable(*documents, {removed.begin(), removed.end()}, alive);
    more = false;
    for (const auto& [manifest, of] : subjects)
      if (dead.count(manifest) == 0 && tags->count(manifest) == 0 && inner.count(manifest) == 0 &&
          std::all_of(of.begin(), of.end(), [&](const std::string& subject) { return dead.count(subject) != 0; }))
        more |= removed.insert(manifest).second;
  }

  Change change;
  for (const std::string& name : dead)
    if (llvm::Error failed = unlink(change, repository, name)) return failed;
  for (const auto& [manifest, of] : subjects)
    for (const std::string& subject : of)
      if (dead.count(manifest) != 0)
        change.records.push_back({Table::Referrers, referrer_key(repository, subject, manifest), std::nullopt});
  for (const auto& [name, children] : *documents) {
    if (dead.count(name) == 0) continue;
    change.records.push_back({Table::Images, image_key(repository, name), std::nullopt});
    for (const std::string& child : children)
      if (alive.count(child) != 0 && tags->count(child) != 0)
        if (llvm::Error failed = adopt(change, repository, child)) return failed;
  }
  auto untag = [&](Table table, std::initializer_list<Table> tables) {
    return for_each(store_, table, prefix, [&, tables](const std::string& tag, const std::string& target) {
      if (dead.count(target) != 0)
        for (Table other : tables) change.records.push_back({other, tag_key(repository, tag), std::nullopt});
      return llvm::Error::success();
    });
  };
  if (llvm::Error error = untag(Table::Tags, {Table::Tags, Table::Pins})) return error;
  if (llvm::Error error = untag(Table::Arrivals, {Table::Arrivals})) return error;
  if (llvm::Error failed = apply(change, UINT64_MAX)) return failed;
  return true;
}

llvm::Expected<bool> Catalog::drop_if_unowned(const std::string& key, uint64_t grace) {
  llvm::Expected<std::optional<std::string>> since = store_.get(Table::Garbage, key);
  if (!since) return since.takeError();
  std::optional<uint64_t> time = number_of(*since);
  if (!time || *time + grace > seconds_since_1970()) return false;
  llvm::Expected<std::optional<std::string>> owned = store_.get(Table::Owners, key);
  if (!owned) return owned.takeError();
  if (*owned) return false;
  llvm::Expected<bool> gone = store_.drop_garbage(BlobName::of_key(key), **since);
  if (gone && *gone) ++dropped_;
  return gone;
}

llvm::Error Catalog::sweep(uint64_t grace) {
  return for_each(store_, Table::Garbage, "", [&](const std::string& key, const std::string&) -> llvm::Error {
    std::lock_guard<std::mutex> lock(mutex_);
    return drop_if_unowned(key, grace).takeError();
  });
}

llvm::Expected<bool> Catalog::drop_garbage(const std::string& tenant) {
  std::lock_guard<std::mutex> lock(mutex_);
  return drop_garbage_locked(tenant);
}

llvm::Expected<bool> Catalog::drop_garbage_locked(const std::string& tenant) {
  bool any = false;
  llvm::Error error =
      for_each(store_, Table::Garbage, "", [&](const std::string& key, const std::string&) -> llvm::Error {
        if (BlobName::of_key(key).tenant != tenant) return llvm::Error::success();
        llvm::Expected<bool> gone = drop_if_unowned(key, 0);
        if (!gone) return gone.takeError();
        any |= *gone;
        return llvm::Error::success();
      });
  if (error) return error;
  return any;
}

}  // namespace aotc::server
