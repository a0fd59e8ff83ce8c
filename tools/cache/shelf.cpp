// shelf.cpp - see shelf.h.
#include "cache/shelf.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cache/folder_lock.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "support/error.h"

namespace aotc {

using namespace llvm;

namespace {

constexpr size_t kHead = 16;
constexpr uint64_t kMostWaiting = 64 << 20;
// More is not read through for what can be kept of it, while a compilation waits (keeper.cpp).
constexpr uint64_t kMostMended = 512 << 20;

uint64_t check_of(StringRef key, ArrayRef<uint8_t> content) {
  return XXH3_64bits_withSeed(content.data(), content.size(), XXH3_64bits(key.data(), key.size()));
}

struct Value {
  uint64_t position;
  ArrayRef<uint8_t> content;
};

// Nothing unless it is what was written under that key.
std::optional<Value> read_value(StringRef key, StringRef bytes) {
  if (bytes.size() < kHead) return std::nullopt;
  Value value{support::endian::read64le(bytes.data()), arrayRefFromStringRef(bytes.drop_front(kHead))};
  if (support::endian::read64le(bytes.data() + 8) != check_of(key, value.content)) return std::nullopt;
  return value;
}

// 0 when there is none.
ino_t identity(const std::string& folder) {
  struct stat info;
  return stat(folder.c_str(), &info) == 0 ? info.st_ino : 0;
}

}  // namespace

Shelf::Shelf(std::string folder, uint64_t limit, std::chrono::milliseconds patience)
    : folder_(std::move(folder)), limit_(limit), patience_(patience) {}

Error Shelf::read_once(ArrayRef<std::string> keys, function_ref<bool(size_t, ArrayRef<uint8_t>)> take) {
  if (!reading_) {
    Expected<std::unique_ptr<Database>> opened = Database::open_to_read(folder_);
    if (!opened) return opened.takeError();
    if (!*opened) return Error::success();
    reading_ = std::move(*opened);
  }
  Database& database = *reading_;
  // Of positions that were asked for: those of a file are alike.
  uint64_t old_position = 0, young_position = ~uint64_t{0};
  auto is_old = [&](uint64_t position) {
    if (position <= old_position) return true;
    if (position >= young_position) return false;
    bool old = database.bytes_after(position) > limit_ / 2;
    (old ? old_position : young_position) = position;
    return old;
  };
  return database.get(keys, [&](size_t index, StringRef bytes) {
    std::optional<Value> value = read_value(keys[index], bytes);
    if (!value || !take(index, value->content))
      ++damaged_values_;
    else if (waiting_bytes_ + value->content.size() <= kMostWaiting && is_old(value->position))
      put(keys[index], value->content);
  });
}

void Shelf::get(ArrayRef<std::string> keys, function_ref<bool(size_t, ArrayRef<uint8_t>)> take) {
  uint64_t before = damaged_values_;
  Error first = read_once(keys, take);
  if (!first) return;
  // Perhaps somebody changed it meanwhile; then it is right when nobody can.
  consumeError(std::move(first));
  auto read_again = [&] {
    reading_.reset();
    damaged_values_ = before;
    return read_once(keys, take);
  };
  {
    std::optional<FolderLock> lock = FolderLock::take(lock_path(), FolderLock::Kind::Shared, patience_);
    if (!lock) return;
    Error second = read_again();
    if (!second) return;
    bool damaged = second.isA<DamagedError>();
    consumeError(std::move(second));
    if (!damaged) return reading_.reset();
  }
  // Perhaps somebody has mended it meanwhile.
  reading_.reset();
  if (std::optional<FolderLock> lock = FolderLock::take(lock_path(), FolderLock::Kind::Exclusive, patience_))
    consumeError(use_locked(read_again));
}

// What is damaged is mended, and what is damaged still is removed.
Error Shelf::use_locked(function_ref<Error()> use) {
  Error error = use();
  for (bool mends : {true, false}) {
    if (!error.isA<DamagedError>()) break;
    consumeError(std::move(error));
    reading_.reset();
    mends ? mend_locked() : throw_away_locked();
    error = use();
  }
  return error;
}

void Shelf::mend_locked() {
  std::error_code ignored;
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_, ignored)) bytes += file.file_size(ignored);
  if (bytes > kMostMended) return throw_away_locked();
  Error failed = Database::mend(folder_, limit_);
  failed ? throw_away_locked() : void(mended_ = true);
  consumeError(std::move(failed));
}

void Shelf::throw_away_locked() {
  thrown_away_ = true;
  remove_locked();
}

void Shelf::remove_locked() {
  // At once for who looks for it, whatever happens meanwhile.
  std::string removed = folder_ + ".removed";
  std::error_code ignored;
  std::filesystem::remove_all(removed, ignored);
  std::filesystem::rename(folder_, removed, ignored);
  std::filesystem::remove_all(removed, ignored);
}

void Shelf::put(const std::string& key, ArrayRef<uint8_t> content) {
  if (content.size() > limit_ / 4) return;
  waiting_.emplace_back(key, content.vec());
  waiting_bytes_ += content.size();
  if (waiting_bytes_ > kMostWaiting) flush();
}

Error Shelf::write_locked(uint64_t limit) {
  Expected<std::unique_ptr<Database>> opened = Database::open_to_write(folder_, limit);
  if (!opened) return opened.takeError();
  Database& database = **opened;
  std::string value;
  for (const auto& [key, content] : waiting_) {
    value.assign(kHead, '\0');
    support::endian::write64le(value.data(), database.position() + 1);
    support::endian::write64le(value.data() + 8, check_of(key, content));
    value += toStringRef(content);
    if (Error error = database.put(key, value)) return error;
  }
  return database.finish();
}

void Shelf::flush() {
  reading_.reset();
  if (waiting_.empty()) return;
  if (std::optional<FolderLock> lock = FolderLock::take(lock_path(), FolderLock::Kind::Exclusive, patience_))
    consumeError(use_locked([this] { return write_locked(limit_); }));
  waiting_.clear();
  waiting_bytes_ = 0;
}

ShelfReport Shelf::report(bool all, function_ref<bool(StringRef, ArrayRef<uint8_t>)> right) {
  ShelfReport report;
  std::optional<FolderLock> lock;
  if (identity(folder_) != 0) lock = FolderLock::take(lock_path(), FolderLock::Kind::Shared, patience_);
  Expected<std::unique_ptr<Database>> opened = Database::open_to_read(folder_);
  if (!opened) {
    report.failed = toString(opened.takeError());
  } else if (*opened) {
    Database::Size size = (*opened)->size();
    report.values = size.values;
    report.bytes = size.bytes;
    if (!all) return report;
    report.values = 0;
    Error error = (*opened)->each([&](StringRef key, StringRef bytes) {
      std::optional<Value> value = read_value(key, bytes);
      ++(value && (!right || right(key, value->content)) ? report.values : report.damaged);
    });
    if (error) report.failed = toString(std::move(error));
  }
  return report;
}

bool Shelf::shrink(uint64_t limit) {
  reading_.reset();
  if (identity(folder_) == 0) return true;
  std::optional<FolderLock> lock = FolderLock::take(lock_path(), FolderLock::Kind::Exclusive, patience_);
  if (!lock) return false;
  consumeError(use_locked([&] { return write_locked(limit); }));
  return true;
}

bool Shelf::clear() {
  reading_.reset();
  if (identity(folder_) == 0 && identity(folder_ + ".removed") == 0) return true;
  std::optional<FolderLock> lock = FolderLock::take(lock_path(), FolderLock::Kind::Exclusive, patience_);
  if (!lock) return false;
  remove_locked();
  return true;
}

}  // namespace aotc
