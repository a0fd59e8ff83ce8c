// records.h - how what the server keeps looks: the tables, and the keys and values of their records. Nobody else puts a
// key together or takes one apart.
//
// Integers are big-endian in keys and little-endian in values. Times are seconds since 1970 (u64).
//   default   "schema" -> schema version as decimal text; a database with another one is refused
//   chunks    blob id (u64) chunk index (u32) -> XXH3-64 of the data (u64) data; all chunks but the last are kChunkSize
//   blobs     digest \0 tenant -> blob id (u64) size (u64)
//   tags      name \0 tag -> index digest
//   links     name \0 digest -> tenant \0 media type: what a repository may serve, and whose blob it is
//   jobs      tenant \0 job id -> JSON, see job_record.h
//   referrers name \0 subject digest \0 manifest digest -> JSON, see catalog_statements.cpp
//   sequences name -> sequence (u64) of the last statement signed for the repository
//   owners    digest \0 tenant -> references (u64) size (u64), see catalog.h
//   garbage   digest \0 tenant -> time since when nobody owns the blob, see catalog.h
//   usage     tenant \0 "2026-11-25" -> milliseconds of processor time, decimal
//   damaged   digest \0 tenant -> time at which the blob was found to be damaged
//   images    name \0 digest of index or manifest -> time of its last use, and a byte if it was pushed; see catalog.h
//   pins      name \0 tag -> nothing: what the tag names is not evicted
//   revocations name or "*" -> JSON, see revocation_book.h
//   loose     name \0 digest -> time since when a blob was pushed that no manifest of the repository names yet
//   arrivals  name \0 tag -> digest of the manifest that was pushed last, of whose module the tag is to name what comes
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "llvm/ADT/StringRef.h"

namespace aotc::server {

// The first three are the store's own.
enum class Table {
  Default,
  Chunks,
  Blobs,
  Tags,
  Links,
  Jobs,
  Referrers,
  Sequences,
  Owners,
  Garbage,
  Usage,
  Damaged,
  Images,
  Pins,
  Revocations,
  Loose,
  Arrivals
};
constexpr const char* kTableNames[] = {"default",   "chunks",    "blobs",       "tags",    "links",   "jobs",
                                       "referrers", "sequences", "owners",      "garbage", "usage",   "damaged",
                                       "images",    "pins",      "revocations", "loose",   "arrivals"};
constexpr size_t kTables = static_cast<size_t>(Table::Arrivals) + 1;
static_assert(std::size(kTableNames) == kTables);

struct Record {
  Table table;
  std::string key;
  std::optional<std::string> value;  // without one the key is removed
};

// Both parts of a key, or of a value, that has two.
std::string pair_key(llvm::StringRef first, llvm::StringRef second);
std::pair<std::string, std::string> split_key(llvm::StringRef key);

struct BlobName {
  std::string tenant, digest;

  std::string key() const { return pair_key(digest, tenant); }
  static BlobName of_key(llvm::StringRef key);
};

std::string tag_key(llvm::StringRef repository, llvm::StringRef tag);  // of pins, too
std::string link_key(llvm::StringRef repository, llvm::StringRef digest);
std::string image_key(llvm::StringRef repository, llvm::StringRef index);
std::string referrer_key(llvm::StringRef repository, llvm::StringRef subject, llvm::StringRef manifest);
std::string job_key(llvm::StringRef tenant, llvm::StringRef id);
std::string usage_key(llvm::StringRef tenant, llvm::StringRef day);
// What starts the keys of everything that a repository, or a tenant, or a subject in a repository, has in a table.
std::string keys_of(llvm::StringRef owner);
std::string referrers_of(llvm::StringRef repository, llvm::StringRef subject);
// Comes after all keys of this owner, and before those of any other.
std::string past_keys_of(llvm::StringRef owner);
std::string chunk_key(uint64_t id, uint32_t index);
uint64_t chunk_owner(llvm::StringRef key);
uint32_t chunk_index(llvm::StringRef key);
// Whose account a record is in; its key starts with a tenant or with a repository.
std::string account_of(llvm::StringRef key);
bool is_accounted(Table table);

// What a repository may serve: whose blob, and as what.
struct Link {
  std::string tenant, media_type;

  std::string value() const { return pair_key(tenant, media_type); }
  static Link of_value(llvm::StringRef value);
};

struct StoredBlob {
  uint64_t id = 0, size = 0;

  std::string value() const;
  static std::optional<StoredBlob> of_value(llvm::StringRef value);
};

struct Owners {
  uint64_t references = 0, size = 0;

  std::string value() const;
  static std::optional<Owners> of_value(llvm::StringRef value);
};

// An image is one that was compiled here unless it was pushed.
struct ImageRecord {
  uint64_t used = 0;
  bool pushed = false;

  std::string value() const;
  static std::optional<ImageRecord> of_value(const std::optional<std::string>& value);
};

// Of a time or a sequence; nothing when the value is none.
std::string number_value(uint64_t number);
std::optional<uint64_t> number_of(const std::optional<std::string>& value);

}  // namespace aotc::server
