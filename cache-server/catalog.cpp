// catalog.cpp - a change is collected as records and differences of reference counts, then written in one batch.
#include "catalog.h"

#include <set>

#include <nlohmann/json.hpp>

namespace aotc::server {

namespace {

constexpr uint64_t kMaxDocument = 4 << 20;
constexpr size_t kPage = 256;

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

// Calls `visit(rest of the key, value)` for every key that starts with `prefix`.
template <typename Visit>
llvm::Error for_each(Store& store, Table table, const std::string& prefix, Visit visit) {
  for (std::string after;;) {
    auto page = store.list(table, prefix, after, kPage);
    if (!page) return page.takeError();
    if (page->empty()) return llvm::Error::success();
    for (const auto& [key, value] : *page)
      if (llvm::Error error = visit(key.substr(prefix.size()), value)) return error;
    after = page->back().first;
  }
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
  std::lock_guard<std::mutex> lock(mutex_);
  return for_each(store_, Table::Owners, "", [&](const std::string& key, const std::string& value) -> llvm::Error {
    if (value.size() == 16) bytes_[key.substr(key.find('\0') + 1)] += read_little_endian(value.data() + 8);
    return llvm::Error::success();
  });
}

uint64_t Catalog::bytes_of(const std::string& tenant) {
  std::lock_guard<std::mutex> lock(mutex_);
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
llvm::Error Catalog::apply(Change& change, uint64_t quota) {
  std::map<std::string, int64_t> differences;
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
    if (before == 0 && after > 0) differences[tenant] += size;
    if (before > 0 && after == 0) {
      differences[tenant] -= size;
      change.records.push_back({Table::Owners, key, std::nullopt});
      change.records.push_back({Table::Garbage, digest, little_endian(seconds_since_1970())});
    } else if (after > 0) {
      change.records.push_back(
          {Table::Owners, key, little_endian(static_cast<uint64_t>(after)) + little_endian((*blob)->size)});
    }
  }
  for (const auto& [tenant, difference] : differences)
    if (difference > 0 && bytes_[tenant] + static_cast<uint64_t>(difference) > quota)
      return llvm::make_error<QuotaError>(quota);
  if (llvm::Error error = store_.put(change.records)) return error;
  for (const auto& [tenant, difference] : differences) bytes_[tenant] += static_cast<uint64_t>(difference);
  return llvm::Error::success();
}

llvm::Error Catalog::hold(const Hold& hold, uint64_t quota, std::vector<Record> records) {
  std::lock_guard<std::mutex> lock(mutex_);
  Change change{std::move(records), {{pair_key(hold.digest, hold.tenant), 1}}, {}};
  return apply(change, quota);
}

llvm::Error Catalog::release(const Hold& hold, std::vector<Record> records) {
  std::lock_guard<std::mutex> lock(mutex_);
  Change change{std::move(records), {{pair_key(hold.digest, hold.tenant), -1}}, {}};
  return apply(change, UINT64_MAX);
}

llvm::Error Catalog::publish(const std::vector<ImageName>& names, const Image& image, uint64_t quota,
                             std::vector<Record> records, const Hold* released) {
  std::lock_guard<std::mutex> lock(mutex_);
  Change change{std::move(records), {}, {}};
  if (released) --change.references[pair_key(released->digest, released->tenant)];
  for (const ImageName& name : names) {
    for (const ImagePart& part : image.parts)
      if (llvm::Error error = link(change, name.repository, part)) return error;
    change.records.push_back({Table::Tags, pair_key(name.repository, name.tag), image.index});
  }
  return apply(change, quota);
}

llvm::Expected<bool> Catalog::remove_tag(const std::string& repository, const std::string& tag) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string key = pair_key(repository, tag);
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Tags, key);
  if (!known) return known.takeError();
  if (!*known) return false;
  if (llvm::Error error = store_.put({{Table::Tags, key, std::nullopt}})) return error;
  return true;
}

llvm::Expected<bool> Catalog::remove_manifest(const std::string& repository, const std::string& digest) {
  std::lock_guard<std::mutex> lock(mutex_);
  llvm::Expected<std::optional<std::string>> link = store_.get(Table::Links, pair_key(repository, digest));
  if (!link) return link.takeError();
  if (!*link || (**link != kIndexType && **link != kManifestType)) return false;

  // Everything that other manifests of the repository lead to stays. A manifest that an index names is no root.
  std::map<std::string, std::vector<std::string>> documents;
  std::set<std::string> all, inner;
  std::string prefix = repository + '\0';
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
    if (name != digest && inner.count(name) == 0) ways.push_back(name);
  std::set<std::string> alive;
  while (!ways.empty()) {
    std::string name = ways.back();
    ways.pop_back();
    if (name == digest || !alive.insert(name).second) continue;
    auto found = documents.find(name);
    if (found != documents.end()) ways.insert(ways.end(), found->second.begin(), found->second.end());
  }

  Change change;
  for (const std::string& name : all) {
    if (alive.count(name) != 0) continue;
    change.records.push_back({Table::Links, prefix + name, std::nullopt});
    --change.references[pair_key(name, tenant_of(repository))];
  }
  error = for_each(store_, Table::Tags, prefix, [&](const std::string& tag, const std::string& target) -> llvm::Error {
    if (target == digest) change.records.push_back({Table::Tags, prefix + tag, std::nullopt});
    return llvm::Error::success();
  });
  if (error) return error;
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
        llvm::Expected<std::optional<BlobInfo>> blob = store_.find_blob(digest);
        if (!blob) return blob.takeError();
        if (!owners->empty() || !*blob) return store_.put({{Table::Garbage, digest, std::nullopt}});
        llvm::Expected<bool> gone = store_.drop_garbage(**blob, **since);
        if (!gone) return gone.takeError();
        dropped += *gone;
        return llvm::Error::success();
      });
  if (error) return error;
  return dropped;
}

}  // namespace aotc::server
