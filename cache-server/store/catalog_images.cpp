// catalog_images.cpp - uses of images, pins, and which images are evicted.
#include <algorithm>

#include "catalog_impl.h"
#include "log.h"

namespace aotc::server {

llvm::Expected<bool> Catalog::pin(const std::string& repository, const std::string& tag, bool pinned) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string key = tag_key(repository, tag);
  llvm::Expected<std::optional<std::string>> known = store_.get(Table::Tags, key);
  if (!known) return known.takeError();
  if (!*known) return false;
  if (llvm::Error error = store_.put({{Table::Pins, key, pinned ? std::optional<std::string>("") : std::nullopt}}))
    return error;
  return true;
}

void Catalog::touch(const std::string& repository, const std::string& index) {
  std::lock_guard<std::mutex> lock(totals_mutex_);
  uses_[image_key(repository, index)] = seconds_since_1970();
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
    std::optional<ImageRecord> image = ImageRecord::of_value(*known);
    if (!image) continue;
    image->used = used;
    records.push_back({Table::Images, key, image->value()});
  }
  return records.empty() ? llvm::Error::success() : store_.put(records);
}

llvm::Expected<std::vector<ImageUse>> Catalog::images(const std::string& prefix) {
  std::vector<ImageUse> images;
  llvm::Error error =
      for_each(store_, Table::Images, prefix, [&](const std::string& rest, const std::string& value) -> llvm::Error {
        auto [repository, index] = split_key(prefix + rest);
        if (std::optional<ImageRecord> image = ImageRecord::of_value(value))
          images.push_back({repository, index, image->used});
        return llvm::Error::success();
      });
  if (error) return error;
  {
    std::lock_guard<std::mutex> lock(totals_mutex_);
    for (ImageUse& image : images)
      if (auto found = uses_.find(image_key(image.repository, image.index)); found != uses_.end())
        image.used = found->second;
  }
  std::stable_sort(images.begin(), images.end(), [](const ImageUse& a, const ImageUse& b) { return a.used < b.used; });
  return images;
}

llvm::Expected<bool> Catalog::is_kept(const ImageUse& image, Evict which) {
  std::string key = image_key(image.repository, image.index);
  llvm::Expected<std::optional<std::string>> value = store_.get(Table::Images, key);
  if (!value) return value.takeError();
  std::optional<ImageRecord> record = ImageRecord::of_value(*value);
  if (!record || record->used > image.used) return true;
  {
    std::lock_guard<std::mutex> lock(totals_mutex_);
    if (auto found = uses_.find(key); found != uses_.end() && found->second > image.used) return true;
  }
  bool kept = false;
  auto look = [&](const std::string& tag, const std::string& index) -> llvm::Error {
    if (index != image.index) return llvm::Error::success();
    llvm::Expected<std::optional<std::string>> pinned = store_.get(Table::Pins, tag_key(image.repository, tag));
    if (!pinned) return pinned.takeError();
    kept |= which == Evict::Untagged || pinned->has_value();
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Tags, keys_of(image.repository), look)) return error;
  auto wait = [&](const std::string&, const std::string& manifest) {
    kept |= manifest == image.index;
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Arrivals, keys_of(image.repository), wait)) return error;
  return kept;
}

llvm::Expected<bool> Catalog::evict_locked(const ImageUse& image, Evict which, const Documents& known) {
  llvm::Expected<bool> kept = is_kept(image, which);
  if (!kept) return kept.takeError();
  if (*kept) return false;
  llvm::Expected<bool> removed = remove_manifest_locked(image.repository, image.index, known);
  if (!removed || !*removed) return removed;
  ++evicted_;
  log(Level::Info, "an image was evicted", {{"repository", image.repository}, {"index", image.index}});
  return true;
}

llvm::Expected<bool> Catalog::evict(const ImageUse& image, Evict which) {
  llvm::Expected<bool> kept = is_kept(image, which);
  if (!kept) return kept.takeError();
  if (*kept) return false;
  llvm::Expected<Documents> known = read_documents(image.repository);
  if (!known) return known.takeError();
  std::lock_guard<std::mutex> lock(mutex_);
  return evict_locked(image, which, *known);
}

}  // namespace aotc::server
