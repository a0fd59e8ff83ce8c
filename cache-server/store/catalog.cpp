// catalog.cpp - a change is collected as records and differences of reference counts, then written in one batch.
#include "catalog.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "registry/digest.h"
#include "log.h"

namespace aotc::server {

namespace {

constexpr uint64_t kMaxDocument = 4 << 20;

std::string pair_key(const std::string& first, const std::string& second) { return first + '\0' + second; }

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

Link read_link(llvm::StringRef value) {
  auto [tenant, media_type] = value.split('\0');
  return {tenant.str(), media_type.str()};
}

}  // namespace

std::string tenant_of(const std::string& repository) { return repository.substr(0, repository.find('/')); }

llvm::Expected<std::optional<Link>> find_link(Store& store, const std::string& repository, const std::string& digest) {
  llvm::Expected<std::optional<std::string>> value = store.get(Table::Links, pair_key(repository, digest));
  if (!value) return value.takeError();
  return *value ? std::optional<Link>(read_link(**value)) : std::nullopt;
}

struct Catalog::Change {
  std::vector<Record> records;
  std::map<std::string, int64_t> references = {};  // by the key of a blob: difference
  std::set<std::string> links = {};                // made by this change
};

llvm::Error Catalog::open() {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  return for_each(store_, Table::Owners, "", [&](const std::string& key, const std::string& value) -> llvm::Error {
    if (value.size() == 16) owned_[BlobName::of_key(key).tenant] += read_little_endian(value.data() + 8);
    return llvm::Error::success();
  });
}

uint64_t Catalog::owned_bytes() {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  uint64_t sum = 0;
  for (const auto& [tenant, bytes] : owned_) sum += bytes;
  return sum;
}

uint64_t Catalog::owned_bytes(const std::string& tenant) {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  auto found = owned_.find(tenant);
  return found == owned_.end() ? 0 : found->second;
}

llvm::Error Catalog::link(Change& change, const std::string& tenant, const std::string& repository,
                          const ImagePart& part) {
  std::string key = pair_key(repository, part.digest);
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Links, key);
  if (!known) return known.takeError();
  if (*known || !change.links.insert(key).second) return llvm::Error::success();
  change.records.push_back({Table::Links, key, pair_key(tenant, part.media_type)});
  ++change.references[BlobName{tenant, part.digest}.key()];
  return llvm::Error::success();
}

llvm::Error Catalog::unlink(Change& change, const std::string& repository, const std::string& digest) {
  llvm::Expected<std::optional<Link>> link = find_link(store_, repository, digest);
  if (!link) return link.takeError();
  if (!*link) return llvm::Error::success();
  change.records.push_back({Table::Links, pair_key(repository, digest), std::nullopt});
  --change.references[BlobName{(*link)->tenant, digest}.key()];
  return llvm::Error::success();
}

// Counts become records.
llvm::Error Catalog::apply(Change& change, uint64_t limit) {
  std::map<std::string, int64_t> differences;  // of what is owned, by tenant
  for (const auto& [key, difference] : change.references) {
    if (difference == 0) continue;
    BlobName name = BlobName::of_key(key);
    llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(name);
    if (!blob) return blob.takeError();
    if (!*blob) return llvm::createStringError(llvm::inconvertibleErrorCode(), name.digest + " is not in the store");
    llvm::Expected<std::optional<std::string>> value = store_.get(Table::Owners, key);
    if (!value) return value.takeError();
    int64_t before = *value && (*value)->size() == 16 ? static_cast<int64_t>(read_little_endian((*value)->data())) : 0;
    int64_t after = std::max<int64_t>(0, before + difference);
    auto size = static_cast<int64_t>((*blob)->size);
    differences[name.tenant] += ((after > 0) - (before > 0)) * size;
    if (before > 0 && after == 0) {
      change.records.push_back({Table::Owners, key, std::nullopt});
      change.records.push_back({Table::Garbage, key, little_endian(seconds_since_1970())});
    } else if (after > 0) {
      if (before == 0) change.records.push_back({Table::Garbage, key, std::nullopt});
      change.records.push_back(
          {Table::Owners, key, little_endian(static_cast<uint64_t>(after)) + little_endian((*blob)->size)});
    }
  }
  if (llvm::Error error = store_.put(change.records, limit)) return error;
  std::lock_guard<std::mutex> lock(totals_mutex_);
  for (const auto& [tenant, difference] : differences) owned_[tenant] += static_cast<uint64_t>(difference);
  return llvm::Error::success();
}

// Attempts it again as long as the tenant's quota is in the way and something of the tenant's can go: first what nobody
// owns, then, if the quota says so, one image after the other.
llvm::Error Catalog::make_room(const std::string& tenant, const Quota& quota,
                               llvm::function_ref<llvm::Error()> attempt) {
  llvm::Error error = attempt();
  // Whether it is still in the way.
  auto try_again = [&](llvm::Expected<bool> gone) {
    if (!gone) {
      error = llvm::joinErrors(std::move(error), gone.takeError());
    } else if (*gone) {
      llvm::consumeError(std::move(error));
      error = attempt();
    }
    return error.isA<QuotaError>();
  };
  if (!error.isA<QuotaError>() || !try_again(drop_garbage_locked(tenant)) || !quota.evict) return error;
  auto oldest = images(tenant + "/");
  if (!oldest) return llvm::joinErrors(std::move(error), oldest.takeError());
  for (const ImageUse& image : *oldest) {
    llvm::Expected<bool> evicted = evict_locked(image, Evict::Unpinned);
    if (evicted && *evicted) evicted = drop_garbage_locked(tenant);
    if (!try_again(std::move(evicted))) return error;
  }
  return error;
}

Accounts::Reservation Catalog::reserve(const std::string& tenant, const Quota& quota) {
  return {store_.accounts(), tenant, quota.bytes, [this, tenant, quota](llvm::function_ref<llvm::Error()> attempt) {
            std::lock_guard<std::mutex> lock(mutex_);
            return make_room(tenant, quota, attempt);
          }};
}

uint64_t Catalog::room(const std::string& tenant, const Quota& quota) {
  uint64_t used = quota.evict ? 0 : owned_bytes(tenant);
  return quota.bytes - std::min(quota.bytes, used);
}

llvm::Error Catalog::hold(const BlobName& module, const Quota& quota, std::vector<Record> records) {
  std::lock_guard<std::mutex> lock(mutex_);
  return make_room(module.tenant, quota, [&] {
    Change change{records, {{module.key(), 1}}};
    return apply(change, quota.bytes);
  });
}

llvm::Error Catalog::release(const BlobName& module, std::vector<Record> records) {
  std::lock_guard<std::mutex> lock(mutex_);
  Change change{std::move(records), {{module.key(), -1}}};
  return apply(change, UINT64_MAX);
}

llvm::Error Catalog::record(const std::string& tenant, const Quota& quota, const std::vector<Record>& records) {
  std::lock_guard<std::mutex> lock(mutex_);
  return make_room(tenant, quota, [&] { return store_.put(records, quota.bytes); });
}

llvm::Error Catalog::publish(const std::string& tenant, const std::vector<ImageName>& names, const Image& image,
                             const Quota& quota, std::vector<Record> records, const BlobName* released) {
  std::lock_guard<std::mutex> lock(mutex_);
  return make_room(tenant, quota, [&]() -> llvm::Error {
    Change change{records};
    if (released) --change.references[released->key()];
    std::set<std::string> repositories;
    for (const ImageName& name : names) {
      std::string key = pair_key(name.repository, name.tag);
      if (!name.was.empty()) {
        llvm::Expected<std::optional<std::string>> now = store_.get(Table::Tags, key);
        if (!now) return now.takeError();
        if (name.was == kNoTag ? now->has_value() : *now != name.was) continue;
      }
      // It gets a higher sequence than any that was revoked.
      std::string reason = revocations_.reason_against(name.repository, {image.index, UINT64_MAX, image.compiler});
      if (!reason.empty()) return llvm::make_error<RevokedError>("the image was revoked: " + reason);
      for (const ImagePart& part : image.parts)
        if (llvm::Error error = link(change, tenant, name.repository, part)) return error;
      change.records.push_back({Table::Tags, key, image.index});
      repositories.insert(name.repository);
    }
    for (const std::string& repository : repositories) {
      if (llvm::Error error = sign(change, repository, {tenant, image.index}, quota.bytes)) return error;
      change.records.push_back({Table::Images, pair_key(repository, image.index), little_endian(seconds_since_1970())});
    }
    return apply(change, quota.bytes);
  });
}

llvm::Expected<bool> Catalog::pin(const std::string& repository, const std::string& tag, bool pinned) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string key = pair_key(repository, tag);
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Tags, key);
  if (!known) return known.takeError();
  if (!*known) return false;
  if (llvm::Error error = store_.put({{Table::Pins, key, pinned ? std::optional<std::string>("") : std::nullopt}}))
    return error;
  return true;
}

void Catalog::touch(const std::string& repository, const std::string& index) {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  uses_[pair_key(repository, index)] = seconds_since_1970();
}

llvm::Error Catalog::record_uses() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::map<std::string, uint64_t> uses;
  {
    std::lock_guard<std::mutex> totals(totals_mutex_);
    uses.swap(uses_);
  }
  std::vector<Record> records;
  for (const auto& [key, used] : uses) {
    llvm::Expected<std::optional<std::string>> known = store_.get(Table::Images, key);
    if (!known) return known.takeError();
    if (*known) records.push_back({Table::Images, key, little_endian(used)});
  }
  return records.empty() ? llvm::Error::success() : store_.put(records);
}

llvm::Expected<std::vector<ImageUse>> Catalog::images(const std::string& prefix) {
  std::vector<ImageUse> images;
  llvm::Error error =
      for_each(store_, Table::Images, prefix, [&](const std::string& rest, const std::string& value) -> llvm::Error {
        std::string key = prefix + rest;
        size_t end = key.find('\0');
        if (value.size() == 8)
          images.push_back({key.substr(0, end), key.substr(end + 1), read_little_endian(value.data())});
        return llvm::Error::success();
      });
  if (error) return error;
  {
    std::lock_guard<std::mutex> lock(totals_mutex_);
    for (ImageUse& image : images)
      if (auto found = uses_.find(pair_key(image.repository, image.index)); found != uses_.end())
        image.used = found->second;
  }
  std::stable_sort(images.begin(), images.end(), [](const ImageUse& a, const ImageUse& b) { return a.used < b.used; });
  return images;
}

llvm::Expected<bool> Catalog::is_kept(const ImageUse& image, Evict which) {
  std::string key = pair_key(image.repository, image.index);
  llvm::Expected<std::optional<std::string>> used = store_.get(Table::Images, key);
  if (!used) return used.takeError();
  if (!*used || (*used)->size() != 8 || read_little_endian((*used)->data()) > image.used) return true;
  {
    std::lock_guard<std::mutex> lock(totals_mutex_);
    if (auto found = uses_.find(key); found != uses_.end() && found->second > image.used) return true;
  }
  bool kept = false;
  std::string prefix = image.repository + '\0';
  llvm::Error error =
      for_each(store_, Table::Tags, prefix, [&](const std::string& tag, const std::string& index) -> llvm::Error {
        if (index != image.index) return llvm::Error::success();
        llvm::Expected<std::optional<std::string>> pinned = store_.get(Table::Pins, prefix + tag);
        if (!pinned) return pinned.takeError();
        kept |= which == Evict::Untagged || pinned->has_value();
        return llvm::Error::success();
      });
  if (error) return error;
  return kept;
}

llvm::Expected<bool> Catalog::evict_locked(const ImageUse& image, Evict which) {
  llvm::Expected<bool> kept = is_kept(image, which);
  if (!kept) return kept.takeError();
  if (*kept) return false;
  llvm::Expected<bool> removed = remove_manifest_locked(image.repository, image.index);
  if (!removed || !*removed) return removed;
  ++evicted_;
  log(Level::Info, "an image was evicted", {{"repository", image.repository}, {"index", image.index}});
  return true;
}

llvm::Expected<bool> Catalog::evict(const ImageUse& image, Evict which) {
  std::lock_guard<std::mutex> lock(mutex_);
  return evict_locked(image, which);
}

std::string Catalog::key_ids() const {
  std::string ids;
  for (const Signer& key : signing_.keys) ids += (ids.empty() ? "" : " ") + key.id();
  return ids;
}

// Record in `referrers`: {"descriptor": of the manifest, "statement": digest, "expires": seconds, "keys": ids}.
llvm::Error Catalog::sign(Change& change, const std::string& repository, const BlobName& index, uint64_t limit) {
  if (signing_.keys.empty()) return llvm::Error::success();
  llvm::Expected<std::optional<BlobInfo>> subject = store_.find_blob(index);
  if (!subject) return subject.takeError();
  if (!*subject) return llvm::createStringError(llvm::inconvertibleErrorCode(), index.digest + " is not in the store");
  llvm::Expected<std::optional<std::string>> last = store_.get(Table::Sequences, repository);
  if (!last) return last.takeError();
  uint64_t sequence = *last && (*last)->size() == 8 ? read_little_endian((*last)->data()) + 1 : 1;
  change.records.push_back({Table::Sequences, repository, little_endian(sequence)});

  uint64_t now = seconds_since_1970();
  Statement statement{repository, index.digest, sequence, now, now + signing_.valid_seconds};
  Accounts::Reservation space(store_.accounts(), index.tenant, limit);
  llvm::Expected<Referrer> made = store_statement(store_, space, **subject, sign_statement(statement, signing_.keys));
  if (!made) return made.takeError();
  std::string prefix = pair_key(repository, index.digest) + '\0';
  auto drop = [&](const std::string& old, const std::string& text) -> llvm::Error {
    nlohmann::json record = nlohmann::json::parse(text, nullptr, false);
    for (const std::string& digest : {old, record.is_object() ? record.value("statement", "") : ""})
      if (llvm::Error error = unlink(change, repository, digest)) return error;
    change.records.push_back({Table::Referrers, prefix + old, std::nullopt});
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Referrers, prefix, drop)) return error;
  for (const ImagePart& part : made->parts)
    if (llvm::Error error = link(change, index.tenant, repository, part)) return error;
  nlohmann::json record = {{"descriptor", nlohmann::json::parse(made->descriptor)},
                           {"statement", made->statement},
                           {"expires", statement.expires},
                           {"keys", key_ids()}};
  change.records.push_back({Table::Referrers, prefix + made->parts.back().digest, record.dump()});
  return llvm::Error::success();
}

llvm::Expected<std::vector<std::string>> Catalog::referrers(const std::string& repository, const std::string& digest) {
  std::vector<std::string> descriptors;
  auto add = [&](const std::string&, const std::string& text) -> llvm::Error {
    nlohmann::json record = nlohmann::json::parse(text, nullptr, false);
    if (record.is_object() && record.contains("descriptor")) descriptors.push_back(record["descriptor"].dump());
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Referrers, pair_key(repository, digest) + '\0', add)) return error;
  return descriptors;
}

llvm::Expected<bool> Catalog::needs_statement(const std::string& repository, const std::string& index) {
  auto page = store_.list(Table::Referrers, pair_key(repository, index) + '\0', "", 1);
  if (!page) return page.takeError();
  if (page->empty()) return true;
  nlohmann::json record = nlohmann::json::parse(page->front().second, nullptr, false);
  return !record.is_object() || record.value("keys", "") != key_ids() ||
         record.value("expires", uint64_t{0}) < seconds_since_1970() + signing_.valid_seconds / 2;
}

llvm::Expected<uint64_t> Catalog::refresh() {
  uint64_t count = 0;
  if (signing_.keys.empty()) return count;
  auto visit = [&](const std::string& key, const std::string&) -> llvm::Error {
    std::lock_guard<std::mutex> lock(mutex_);
    llvm::Expected<std::optional<std::string>> index = store_.get(Table::Tags, key);
    if (!index) return index.takeError();
    if (!*index) return llvm::Error::success();
    std::string repository = key.substr(0, key.find('\0'));
    // Not images, and what is about to be removed.
    if (key.substr(repository.size() + 1) == kRevocationsTag ||
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
  if (!*last || (*last)->size() != 8)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "nothing was ever signed for " + repository);
  uint64_t removed = 0;
  auto remove = [&](const std::string& index, const std::string&) -> llvm::Error {
    llvm::Expected<bool> gone = remove_manifest_locked(repository, index);
    if (!gone) return gone.takeError();
    removed += *gone;
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Images, repository + '\0', remove)) return error;
  if (llvm::Error error = revocations_.add_all_through(repository, read_little_endian((*last)->data()), reason))
    return error;
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
  std::string key = pair_key(repository, kRevocationsTag);
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

llvm::Expected<bool> Catalog::remove_tag(const std::string& repository, const std::string& tag) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string key = pair_key(repository, tag);
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Tags, key);
  if (!known) return known.takeError();
  if (!*known) return false;
  if (llvm::Error error = store_.put({{Table::Tags, key, std::nullopt}, {Table::Pins, key, std::nullopt}}))
    return error;
  return true;
}

llvm::Expected<bool> Catalog::remove_manifest(const std::string& repository, const std::string& digest) {
  std::lock_guard<std::mutex> lock(mutex_);
  return remove_manifest_locked(repository, digest);
}

llvm::Expected<bool> Catalog::remove_manifest_locked(const std::string& repository, const std::string& digest) {
  llvm::Expected<std::optional<Link>> found = find_link(store_, repository, digest);
  if (!found) return found.takeError();
  auto is_document = [](const Link& link) { return link.media_type == kIndexType || link.media_type == kManifestType; };
  if (!*found || !is_document(**found)) return false;

  std::string prefix = repository + '\0';
  Change change;
  std::set<std::string> removed = {digest};  // and its statements
  auto refers = [&](const std::string& key, const std::string&) -> llvm::Error {
    std::string subject = key.substr(0, key.find('\0')), manifest = key.substr(key.find('\0') + 1);
    if (subject != digest && manifest != digest) return llvm::Error::success();
    removed.insert(manifest);
    change.records.push_back({Table::Referrers, prefix + key, std::nullopt});
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Referrers, prefix, refers)) return error;

  // Everything that other manifests of the repository lead to stays. A manifest that an index names is no root.
  std::map<std::string, std::vector<std::string>> documents;
  std::set<std::string> all, inner;
  llvm::Error error =
      for_each(store_, Table::Links, prefix, [&](const std::string& name, const std::string& value) -> llvm::Error {
        all.insert(name);
        Link link = read_link(value);
        if (!is_document(link)) return llvm::Error::success();
        llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob({link.tenant, name});
        if (!blob) return blob.takeError();
        if (!*blob) return llvm::Error::success();
        llvm::Expected<std::string> text = store_.read_blob(**blob, kMaxDocument);
        if (!text) return text.takeError();
        documents[name] = named_by(*text);
        inner.insert(documents[name].begin(), documents[name].end());
        return llvm::Error::success();
      });
  if (error) return error;
  std::vector<std::string> ways;
  for (const auto& [name, children] : documents)
    if (removed.count(name) == 0 && inner.count(name) == 0) ways.push_back(name);
  std::set<std::string> alive;
  while (!ways.empty()) {
    std::string name = ways.back();
    ways.pop_back();
    if (removed.count(name) != 0 || !alive.insert(name).second) continue;
    auto found = documents.find(name);
    if (found != documents.end()) ways.insert(ways.end(), found->second.begin(), found->second.end());
  }

  for (const std::string& name : all)
    if (alive.count(name) == 0)
      if (llvm::Error failed = unlink(change, repository, name)) return failed;
  error = for_each(store_, Table::Tags, prefix, [&](const std::string& tag, const std::string& target) -> llvm::Error {
    if (target != digest) return llvm::Error::success();
    for (Table table : {Table::Tags, Table::Pins}) change.records.push_back({table, prefix + tag, std::nullopt});
    return llvm::Error::success();
  });
  if (error) return error;
  change.records.push_back({Table::Images, prefix + digest, std::nullopt});
  if (llvm::Error failed = apply(change, UINT64_MAX)) return failed;
  return true;
}

llvm::Expected<bool> Catalog::drop_if_unowned(const std::string& key, uint64_t grace) {
  llvm::Expected<std::optional<std::string>> since = store_.get(Table::Garbage, key);
  if (!since) return since.takeError();
  if (!*since || (*since)->size() != 8 || read_little_endian((*since)->data()) + grace > seconds_since_1970())
    return false;
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
