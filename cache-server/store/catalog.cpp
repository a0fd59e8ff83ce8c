// catalog.cpp - a change is collected as records and differences of reference counts, then written in one batch.
#include <algorithm>
#include <set>

#include "catalog_impl.h"

namespace aotc::server {

std::string tenant_of(const std::string& repository) { return repository.substr(0, repository.find('/')); }

llvm::Expected<std::optional<Link>> find_link(Store& store, const std::string& repository, const std::string& digest) {
  llvm::Expected<std::optional<std::string>> value = store.get(Table::Links, link_key(repository, digest));
  if (!value) return value.takeError();
  return *value ? std::optional(Link::of_value(**value)) : std::nullopt;
}

llvm::Error Catalog::open() {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  return for_each(store_, Table::Owners, "", [&](const std::string& key, const std::string& value) -> llvm::Error {
    if (std::optional<Owners> owners = Owners::of_value(value)) owned_[BlobName::of_key(key).tenant] += owners->size;
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
  std::string key = link_key(repository, part.digest);
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Links, key);
  if (!known) return known.takeError();
  if (*known || !change.links.insert(key).second) return llvm::Error::success();
  change.records.push_back({Table::Links, key, Link{tenant, part.media_type}.value()});
  ++change.references[BlobName{tenant, part.digest}.key()];
  return llvm::Error::success();
}

llvm::Error Catalog::unlink(Change& change, const std::string& repository, const std::string& digest) {
  llvm::Expected<std::optional<Link>> link = find_link(store_, repository, digest);
  if (!link) return link.takeError();
  if (!*link) return llvm::Error::success();
  change.records.push_back({Table::Links, link_key(repository, digest), std::nullopt});
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
    Owners owners = (*value ? Owners::of_value(**value) : std::nullopt).value_or(Owners());
    auto before = static_cast<int64_t>(owners.references);
    int64_t after = std::max<int64_t>(0, before + difference);
    auto size = static_cast<int64_t>((*blob)->size);
    differences[name.tenant] += ((after > 0) - (before > 0)) * size;
    if (before > 0 && after == 0) {
      change.records.push_back({Table::Owners, key, std::nullopt});
      change.records.push_back({Table::Garbage, key, number_value(seconds_since_1970())});
    } else if (after > 0) {
      if (before == 0) change.records.push_back({Table::Garbage, key, std::nullopt});
      owners = {static_cast<uint64_t>(after), (*blob)->size};
      change.records.push_back({Table::Owners, key, owners.value()});
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
      std::string key = tag_key(name.repository, name.tag);
      llvm::StringRef condition(name.was);
      bool pushed = condition.consume_front(kPushed);
      if (pushed) {
        llvm::Expected<std::optional<std::string>> last = store_.get(Table::Arrivals, key);
        if (!last) return last.takeError();
        if (*last != condition) continue;
      } else if (!name.was.empty()) {
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
      if (name.was.empty() || pushed) change.records.push_back({Table::Arrivals, key, std::nullopt});
      if (llvm::Error error = pushed ? add_source(change, name.repository, image.index, condition.str())
                                     : copy_sources(change, name.repository, name.was, image.index))
        return error;
      repositories.insert(name.repository);
    }
    for (const std::string& repository : repositories) {
      if (llvm::Error error = sign(change, repository, {tenant, image.index}, quota.bytes)) return error;
      change.records.push_back(
          {Table::Images, image_key(repository, image.index), ImageRecord{seconds_since_1970()}.value()});
    }
    return apply(change, quota.bytes);
  });
}

}  // namespace aotc::server
