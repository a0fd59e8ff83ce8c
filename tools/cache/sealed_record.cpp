// sealed_record.cpp - see sealed_record.h.
#include "cache/sealed_record.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "registry/digest.h"
#include "registry/signed_text.h"
#include "registry/zstd_frames.h"

namespace aotc {

using namespace llvm;

namespace {

using Hash = std::array<unsigned char, 32>;

constexpr StringLiteral kMagic("aotcF1");
constexpr size_t kKeyId = 8, kSignature = 64;
constexpr size_t kHead = kMagic.size() + 2 + 2 + kKeyId + kSignature;
constexpr size_t kMostKnown = 1 << 17;  // 4 MB

Hash leaf(const SharedName& name, StringRef frame) {
  Sha256 hash;
  hash.update("\0", 1);
  hash.update(name.data(), name.size());
  hash.update(frame.data(), frame.size());
  return hash.finish_raw();
}

Hash node(const Hash& left, const Hash& right) {
  Sha256 hash;
  hash.update("\1", 1);
  hash.update(left.data(), left.size());
  hash.update(right.data(), right.size());
  return hash.finish_raw();
}

std::string signed_head(const Hash& root) {
  return "aotc-functions 1\nroot sha256:" + to_hex(root.data(), root.size()) + "\n";
}

bool has_sibling(size_t index, size_t count) { return index % 2 == 1 || index + 1 < count; }

size_t siblings(size_t index, size_t count) {
  size_t number = 0;
  for (; count > 1; index /= 2, count = (count + 1) / 2) number += has_sibling(index, count);
  return number;
}

// Rows of a tree, leaves first, the root last.
std::vector<std::vector<Hash>> grow(std::vector<Hash> leaves) {
  std::vector<std::vector<Hash>> rows = {std::move(leaves)};
  while (rows.back().size() > 1) {
    const std::vector<Hash>& row = rows.back();
    std::vector<Hash> above;
    for (size_t i = 0; i < row.size(); i += 2)
      above.push_back(has_sibling(i, row.size()) ? node(row[i], row[i + 1]) : row[i]);
    rows.push_back(std::move(above));
  }
  return rows;
}

void append(std::vector<uint8_t>& to, StringRef bytes) { to.insert(to.end(), bytes.bytes_begin(), bytes.bytes_end()); }

void append_number(std::vector<uint8_t>& to, size_t number) {
  char bytes[2];
  support::endian::write16le(bytes, static_cast<uint16_t>(number));
  append(to, {bytes, sizeof bytes});
}

}  // namespace

SharedName shared_name(StringRef name_space, const FunctionKey& key) {
  if (name_space.empty()) return key;
  constexpr StringLiteral kHead("aotc-namespace 1\n");
  Sha256 hash;
  hash.update(kHead.data(), kHead.size());
  hash.update(key.data(), key.size());
  hash.update(name_space.data(), name_space.size());
  Hash digest = hash.finish_raw();
  SharedName name;
  std::copy_n(digest.begin(), name.size(), name.begin());
  return name;
}

std::vector<SealedRecord> seal(ArrayRef<FunctionRecord> records, StringRef name_space, const Signer& signer) {
  assert(records.size() <= kMostSealedTogether);
  if (records.empty()) return {};
  std::vector<SealedRecord> sealed;
  std::vector<std::string> frames;
  std::vector<Hash> leaves;
  for (const FunctionRecord& record : records) {
    sealed.push_back({shared_name(name_space, function_key(*unit_of_record(record))), {}});
    frames.push_back(zstd_frame({reinterpret_cast<const char*>(record.data()), record.size()}));
    leaves.push_back(leaf(sealed.back().name, frames.back()));
  }
  std::vector<std::vector<Hash>> rows = grow(std::move(leaves));
  std::string signature = *from_hex(signer.sign(signed_head(rows.back().front())));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::vector<uint8_t>& bytes = sealed[i].bytes;
    append(bytes, kMagic);
    append_number(bytes, i);
    append_number(bytes, records.size());
    append(bytes, *from_hex(signer.id()));
    append(bytes, signature);
    size_t index = i;
    for (const std::vector<Hash>& row : rows) {
      if (row.size() > 1 && has_sibling(index, row.size())) append(bytes, toStringRef(row[index ^ 1]));
      index /= 2;
    }
    append(bytes, frames[i]);
  }
  return sealed;
}

std::optional<FunctionRecord> Opener::open(const SharedName& name, const FunctionKey& key, ArrayRef<uint8_t> sealed) {
  StringRef bytes = toStringRef(sealed);
  if (bytes.size() < kHead || !bytes.starts_with(kMagic)) return std::nullopt;
  const char* at = bytes.data() + kMagic.size();
  size_t index = support::endian::read16le(at), count = support::endian::read16le(at + 2);
  StringRef key_id(at + 4, kKeyId), signature(at + 4 + kKeyId, kSignature);
  if (count > kMostSealedTogether || index >= count) return std::nullopt;
  size_t path = siblings(index, count) * sizeof(Hash);
  if (bytes.size() < kHead + path) return std::nullopt;
  StringRef frame = bytes.drop_front(kHead + path);

  // Up to a node that is known, or to the root.
  std::vector<Hash> seen = {leaf(name, frame)};
  bool is_known = known_.count(seen.front()) != 0;
  const char* next = bytes.data() + kHead;
  for (; count > 1 && !is_known; index /= 2, count = (count + 1) / 2) {
    if (!has_sibling(index, count)) continue;
    Hash sibling;
    std::memcpy(sibling.data(), next, sizeof sibling);
    next += sizeof sibling;
    seen.push_back(sibling);
    seen.push_back(index % 2 == 1 ? node(sibling, *(seen.end() - 2)) : node(*(seen.end() - 2), sibling));
    is_known = known_.count(seen.back()) != 0;
  }
  if (!is_known) {
    std::string head = signed_head(seen.back()), id = to_hex(key_id.bytes_begin(), key_id.size()), ignored;
    SignedText text{head, {Signature{id, {signature.bytes_begin(), signature.bytes_end()}}}};
    if (!keys_.trust(text, ignored)) return std::nullopt;
  }
  if (known_.size() > kMostKnown) known_.clear();
  known_.insert(seen.begin(), seen.end());

  std::optional<std::string> content = zstd_content({frame.data(), frame.size()}, kMostRecord);
  if (!content) return std::nullopt;
  FunctionRecord record(content->begin(), content->end());
  std::optional<ArrayRef<uint8_t>> unit = unit_of_record(record);
  if (!unit || function_key(*unit) != key) return std::nullopt;
  return record;
}

}  // namespace aotc
