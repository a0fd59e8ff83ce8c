// catalog.cpp - a change is collected as records and differences of reference counts, then written in one batch.
#include "catalog.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

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

}  // namespace

char QuotaError::ID;

void QuotaError::log(llvm::raw_ostream& os) const {
  os << "the tenant's quota of " << limit << " bytes does not allow it";
}

std::string tenant_of(const std::string& repository) { return repository.substr(0, repository.find('/')); }

struct Catalog::Change {
  std::vector<Record> records;
  std::map<std::string, int64_t> references;  // digest \0 tenant -> difference
  std::set<std::string> links;                // made by this change
};

llvm::Error Catalog::open() {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  std::string last;
  return for_each(store_, Table::Owners, "", [&](const std::string& key, const std::string& value) -> llvm::Error {
    if (value.size() != 16) return llvm::Error::success();
    std::string digest = key.substr(0, key.find('\0'));
    uint64_t size = read_little_endian(value.data() + 8);
    bytes_[key.substr(digest.size() + 1)] += size;
    if (digest != last) owned_bytes_ += size;
    last = digest;
    return llvm::Error::success();
  });
}

uint64_t Catalog::owned_bytes() {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  return owned_bytes_;
}

uint64_t Catalog::bytes_of(const std::string& tenant) {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  auto found = bytes_.find(tenant);
  return found == bytes_.end() ? 0 : found->second;
}

llvm::Error Catalog::link(Change& change, const std::string& repository, const ImagePart& part) {
  std::string key = pair_key(repository, part.digest);
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Links, key);
  if (!known) return known.takeError();
  if (*known || !change.links.insert(key).second) return llvm::Error::success();
  change.records.push_back({Table::Links, key, part.media_type});
  ++change.references[pair_key(part.digest, tenant_of(repository))];
  return llvm::Error::success();
}

// Counts become records; what that changes in a tenant's total is checked before anything is written.
llvm::Error Catalog::apply(Change& change, uint64_t limit) {
  struct Owners {
    int64_t size, difference;
  };
  std::map<std::string, int64_t> differences;  // by tenant
  std::map<std::string, Owners> owners;        // by digest
  for (const auto& [key, difference] : change.references) {
    if (difference == 0) continue;
    std::string digest = key.substr(0, key.find('\0')), tenant = key.substr(key.find('\0') + 1);
    llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(digest);
    if (!blob) return blob.takeError();
    if (!*blob) return llvm::createStringError(llvm::inconvertibleErrorCode(), digest + " is not in the store");
    llvm::Expected<std::optional<std::string>> value = store_.get(Table::Owners, key);
    if (!value) return value.takeError();
    int64_t before = *value && (*value)->size() == 16 ? static_cast<int64_t>(read_little_endian((*value)->data())) : 0;
    int64_t after = std::max<int64_t>(0, before + difference);
    auto size = static_cast<int64_t>((*blob)->size);
    if (before == 0 && after > 0) {
      differences[tenant] += size;
      ++owners.try_emplace(digest, Owners{size, 0}).first->second.difference;
    }
    if (before > 0 && after == 0) {
      differences[tenant] -= size;
      --owners.try_emplace(digest, Owners{size, 0}).first->second.difference;
      change.records.push_back({Table::Owners, key, std::nullopt});
      change.records.push_back({Table::Garbage, digest, little_endian(seconds_since_1970())});
    } else if (after > 0) {
      change.records.push_back(
          {Table::Owners, key, little_endian(static_cast<uint64_t>(after)) + little_endian((*blob)->size)});
    }
  }
  for (const auto& [tenant, difference] : differences)
    if (difference > 0 && bytes_of(tenant) + static_cast<uint64_t>(difference) > limit)
      return llvm::make_error<QuotaError>(limit);
  int64_t owned = 0;
  for (const auto& [digest, change] : owners) {
    auto known = store_.list(Table::Owners, digest + '\0', "", SIZE_MAX);
    if (!known) return known.takeError();
    auto before = static_cast<int64_t>(known->size()), after = before + change.difference;
    owned += ((after > 0) - (before > 0)) * change.size;
  }
  if (llvm::Error error = store_.put(change.records)) return error;
  std::lock_guard<std::mutex> lock(totals_mutex_);
  for (const auto& [tenant, difference] : differences) bytes_[tenant] += static_cast<uint64_t>(difference);
  owned_bytes_ += static_cast<uint64_t>(owned);
  return llvm::Error::success();
}

// Attempts it again, with an image of the tenant's less each time, as long as its quota is in the way and says so.
llvm::Error Catalog::make_room(const Quota& quota, const std::string& tenant,
                               llvm::function_ref<llvm::Error()> attempt) {
  llvm::Error error = attempt();
  if (!quota.evict || !error.isA<QuotaError>()) return error;
  auto oldest = images(tenant + "/");
  if (!oldest) return llvm::joinErrors(std::move(error), oldest.takeError());
  for (const ImageUse& image : *oldest) {
    llvm::Expected<bool> evicted = evict_locked(image, Evict::Unpinned);
    if (!evicted) return llvm::joinErrors(std::move(error), evicted.takeError());
    if (!*evicted) continue;
    llvm::consumeError(std::move(error));
    error = attempt();
    if (!error.isA<QuotaError>()) return error;
  }
  return error;
}

llvm::Error Catalog::hold(const Hold& hold, const Quota& quota, std::vector<Record> records) {
  std::lock_guard<std::mutex> lock(mutex_);
  return make_room(quota, hold.tenant, [&] {
    Change change{records, {{pair_key(hold.digest, hold.tenant), 1}}, {}};
    return apply(change, quota.bytes);
  });
}

llvm::Error Catalog::release(const Hold& hold, std::vector<Record> records) {
  std::lock_guard<std::mutex> lock(mutex_);
  Change change{std::move(records), {{pair_key(hold.digest, hold.tenant), -1}}, {}};
  return apply(change, UINT64_MAX);
}

llvm::Error Catalog::publish(const std::vector<ImageName>& names, const Image& image, const Quota& quota,
                             std::vector<Record> records, const Hold* released) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (names.empty()) return llvm::Error::success();
  return make_room(quota, tenant_of(names.front().repository), [&]() -> llvm::Error {
    Change change{records, {}, {}};
    if (released) --change.references[pair_key(released->digest, released->tenant)];
    std::set<std::string> repositories;
    for (const ImageName& name : names) {
      std::string key = pair_key(name.repository, name.tag);
      if (!name.was.empty()) {
        llvm::Expected<std::optional<std::string>> now = store_.get(Table::Tags, key);
        if (!now) return now.takeError();
        if (*now != name.was) continue;
      }
      for (const ImagePart& part : image.parts)
        if (llvm::Error error = link(change, name.repository, part)) return error;
      change.records.push_back({Table::Tags, key, image.index});
      repositories.insert(name.repository);
    }
    for (const std::string& repository : repositories) {
      if (llvm::Error error = sign(change, repository, image.index)) return error;
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
llvm::Error Catalog::sign(Change& change, const std::string& repository, const std::string& index) {
  if (signing_.keys.empty()) return llvm::Error::success();
  llvm::Expected<std::optional<BlobInfo>> subject = store_.find_blob(index);
  if (!subject) return subject.takeError();
  if (!*subject) return llvm::createStringError(llvm::inconvertibleErrorCode(), index + " is not in the store");
  llvm::Expected<std::optional<std::string>> last = store_.get(Table::Sequences, repository);
  if (!last) return last.takeError();
  uint64_t sequence = *last && (*last)->size() == 8 ? read_little_endian((*last)->data()) + 1 : 1;
  change.records.push_back({Table::Sequences, repository, little_endian(sequence)});

  uint64_t now = seconds_since_1970();
  Statement statement{repository, index, sequence, now, now + signing_.valid_seconds};
  llvm::Expected<Referrer> made = store_statement(store_, **subject, sign_statement(statement, signing_.keys));
  if (!made) return made.takeError();
  std::string prefix = pair_key(repository, index) + '\0';
  auto drop = [&](const std::string& old, const std::string& text) -> llvm::Error {
    nlohmann::json record = nlohmann::json::parse(text, nullptr, false);
    for (const std::string& digest : {old, record.is_object() ? record.value("statement", "") : ""}) {
      change.records.push_back({Table::Links, pair_key(repository, digest), std::nullopt});
      --change.references[pair_key(digest, tenant_of(repository))];
    }
    change.records.push_back({Table::Referrers, prefix + old, std::nullopt});
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Referrers, prefix, drop)) return error;
  for (const ImagePart& part : made->parts)
    if (llvm::Error error = link(change, repository, part)) return error;
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
    llvm::Expected<bool> needed = needs_statement(repository, **index);
    if (!needed) return needed.takeError();
    if (!*needed) return llvm::Error::success();
    Change change;
    if (llvm::Error error = sign(change, repository, **index)) return error;
    ++count;
    return apply(change, UINT64_MAX);
  };
  if (llvm::Error error = for_each(store_, Table::Tags, "", visit)) return error;
  return count;
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
  llvm::Expected<std::optional<std::string>> link = store_.get(Table::Links, pair_key(repository, digest));
  if (!link) return link.takeError();
  if (!*link || (**link != kIndexType && **link != kManifestType)) return false;

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
      for_each(store_, Table::Links, prefix, [&](const std::string& name, const std::string& type) -> llvm::Error {
        all.insert(name);
        if (type != kIndexType && type != kManifestType) return llvm::Error::success();
        llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(name);
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

  for (const std::string& name : all) {
    if (alive.count(name) != 0) continue;
    change.records.push_back({Table::Links, prefix + name, std::nullopt});
    --change.references[pair_key(name, tenant_of(repository))];
  }
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

llvm::Expected<uint64_t> Catalog::sweep(uint64_t grace) {
  uint64_t dropped = 0, now = seconds_since_1970();
  llvm::Error error =
      for_each(store_, Table::Garbage, "", [&](const std::string& digest, const std::string&) -> llvm::Error {
        std::lock_guard<std::mutex> lock(mutex_);
        llvm::Expected<std::optional<std::string>> since = store_.get(Table::Garbage, digest);
        if (!since) return since.takeError();
        if (!*since || (*since)->size() != 8 || read_little_endian((*since)->data()) + grace > now)
          return llvm::Error::success();
        auto owners = store_.list(Table::Owners, digest + '\0', "", 1);
        if (!owners) return owners.takeError();
        if (!owners->empty()) return store_.put({{Table::Garbage, digest, std::nullopt}});
        llvm::Expected<bool> gone = store_.drop_garbage(digest, **since);
        if (!gone) return gone.takeError();
        dropped += *gone;
        return llvm::Error::success();
      });
  if (error) return error;
  return dropped;
}

}  // namespace aotc::server
