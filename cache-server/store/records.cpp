// records.cpp - see records.h.
#include "records.h"

#include "llvm/Support/Endian.h"

namespace aotc::server {

namespace endian = llvm::support::endian;

namespace {

std::string two_numbers(uint64_t first, uint64_t second) { return number_value(first) + number_value(second); }

std::optional<std::pair<uint64_t, uint64_t>> read_two_numbers(llvm::StringRef value) {
  if (value.size() != 16) return std::nullopt;
  return std::make_pair(endian::read64le(value.data()), endian::read64le(value.data() + 8));
}

}  // namespace

std::string pair_key(llvm::StringRef first, llvm::StringRef second) {
  std::string key;
  key.reserve(first.size() + 1 + second.size());
  return key.append(first.data(), first.size()).append(1, '\0').append(second.data(), second.size());
}

std::pair<std::string, std::string> split_key(llvm::StringRef key) {
  auto [first, second] = key.split('\0');
  return {first.str(), second.str()};
}

BlobName BlobName::of_key(llvm::StringRef key) {
  auto [digest, tenant] = split_key(key);
  return {tenant, digest};
}

std::string tag_key(llvm::StringRef repository, llvm::StringRef tag) { return pair_key(repository, tag); }
std::string link_key(llvm::StringRef repository, llvm::StringRef digest) { return pair_key(repository, digest); }
std::string image_key(llvm::StringRef repository, llvm::StringRef index) { return pair_key(repository, index); }
std::string job_key(llvm::StringRef tenant, llvm::StringRef id) { return pair_key(tenant, id); }
std::string usage_key(llvm::StringRef tenant, llvm::StringRef day) { return pair_key(tenant, day); }
std::string keys_of(llvm::StringRef owner) { return pair_key(owner, ""); }
std::string past_keys_of(llvm::StringRef owner) { return owner.str() + '\1'; }

std::string referrer_key(llvm::StringRef repository, llvm::StringRef subject, llvm::StringRef manifest) {
  return referrers_of(repository, subject) + manifest.str();
}

std::string referrers_of(llvm::StringRef repository, llvm::StringRef subject) {
  return keys_of(pair_key(repository, subject));
}

std::string chunk_key(uint64_t id, uint32_t index) {
  std::string key(12, '\0');
  endian::write64be(key.data(), id);
  endian::write32be(key.data() + 8, index);
  return key;
}

uint64_t chunk_owner(llvm::StringRef key) { return endian::read64be(key.data()); }

uint32_t chunk_index(llvm::StringRef key) { return endian::read32be(key.data() + 8); }

std::string account_of(llvm::StringRef key) {
  return key.take_until([](char c) { return c == '/' || c == '\0'; }).str();
}

bool is_accounted(Table table) {
  switch (table) {
    case Table::Tags:
    case Table::Links:
    case Table::Jobs:
    case Table::Referrers:
    case Table::Sequences:
    case Table::Images:
    case Table::Pins:
    case Table::Loose:
    case Table::Arrivals:
      return true;
    default:
      return false;
  }
}

Link Link::of_value(llvm::StringRef value) {
  auto [tenant, media_type] = split_key(value);
  return {tenant, media_type};
}

std::string StoredBlob::value() const { return two_numbers(id, size); }

std::optional<StoredBlob> StoredBlob::of_value(llvm::StringRef value) {
  auto numbers = read_two_numbers(value);
  return numbers ? std::optional(StoredBlob{numbers->first, numbers->second}) : std::nullopt;
}

std::string Owners::value() const { return two_numbers(references, size); }

std::optional<Owners> Owners::of_value(llvm::StringRef value) {
  auto numbers = read_two_numbers(value);
  return numbers ? std::optional(Owners{numbers->first, numbers->second}) : std::nullopt;
}

std::string ImageRecord::value() const { return number_value(used) + (pushed ? "p" : ""); }

std::optional<ImageRecord> ImageRecord::of_value(const std::optional<std::string>& value) {
  bool pushed = value && value->size() == 9 && value->back() == 'p';
  std::optional<uint64_t> used = number_of(pushed ? value->substr(0, 8) : value);
  return used ? std::optional(ImageRecord{*used, pushed}) : std::nullopt;
}

std::string number_value(uint64_t number) {
  std::string value(8, '\0');
  endian::write64le(value.data(), number);
  return value;
}

std::optional<uint64_t> number_of(const std::optional<std::string>& value) {
  if (!value || value->size() != 8) return std::nullopt;
  return endian::read64le(value->data());
}

}  // namespace aotc::server
