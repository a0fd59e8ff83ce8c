// store.cpp - see store.h.
#include "cache/store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <filesystem>
#include <future>
#include <random>
#include <unordered_map>
#include <unordered_set>

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "support/error.h"

namespace aotc {

using namespace llvm;

namespace {

// Of all records that one call answers with: what was compressed may be much larger than the folder.
constexpr uint64_t kMostAnswer = 256 << 20;
// Whoever expects more and does not ask expects nothing.
constexpr size_t kMostExpected = 2;

StringRef text_of(const FunctionKey& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

// A record is under the key that its unit has.
bool belongs(StringRef key, ArrayRef<uint8_t> record) {
  std::optional<ArrayRef<uint8_t>> unit = unit_of_record(record);
  return unit && record.size() <= kMostRecord && key.ends_with(text_of(function_key(*unit)));
}

}  // namespace

Store::Store(const StoreOptions& options, FunctionCache* next)
    : options_(options),
      next_(next),
      functions_(options.folder + "/functions", options.limit / 2, options.patience),
      artifacts_(options.folder + "/artifacts", options.limit / 2, options.patience),
      room_(options.limit / 4) {
  assert(options.name_space.size() <= 255);
}

Store::~Store() { flush(); }

Error Store::prepare(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  struct stat info;
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_failure("cannot make the folder");
  if (stat(folder.c_str(), &info) != 0) return system_failure("cannot use the folder");
  if (!S_ISDIR(info.st_mode)) return system_failure("cannot use the folder", ENOTDIR);
  if (info.st_uid != geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return failure("others may write into the folder");
  return Error::success();
}

std::string Store::key_in(StringRef name_space, StringRef key) const {
  return (Twine(static_cast<char>(name_space.size())) + name_space + key).str();
}

void Store::get_from(StringRef name_space, ArrayRef<FunctionKey> keys, std::vector<FunctionRecord>& records,
                     uint64_t& room) {
  std::vector<std::string> wanted;
  std::vector<size_t> places;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!records[i].empty()) continue;
    wanted.push_back(key_in(name_space, text_of(keys[i])));
    places.push_back(i);
  }
  if (wanted.empty()) return;
  functions_.get(wanted, [&](size_t index, ArrayRef<uint8_t> record) {
    if (!belongs(wanted[index], record)) return false;
    if (record.size() > room) return true;
    room -= record.size();
    records[places[index]] = record.vec();
    return true;
  });
}

std::vector<FunctionRecord> Store::look_up(ArrayRef<FunctionKey> keys) {
  std::vector<FunctionRecord> records(keys.size());
  uint64_t room = kMostAnswer;
  get_from(options_.name_space, keys, records, room);
  if (!options_.name_space.empty()) get_from("", keys, records, room);
  return records;
}

void Store::expect(ArrayRef<FunctionKey> keys, uint64_t bytes) {
  if (expected_.size() == kMostExpected) return;
  expected_.push_back({keys.vec(), look_up(keys)});
  if (!next_) return;
  std::vector<FunctionKey> missing;
  for (size_t i = 0; i < keys.size(); ++i)
    if (expected_.back().records[i].empty()) missing.push_back(keys[i]);
  if (!missing.empty()) next_->expect(missing, bytes / keys.size() * missing.size());
}

std::vector<FunctionRecord> Store::get(ArrayRef<FunctionKey> keys) {
  std::vector<FunctionRecord> records;
  if (!expected_.empty() && ArrayRef(expected_.front().keys) == keys) {
    records = std::move(expected_.front().records);
    expected_.pop_front();
  } else {
    expected_.clear();
    records = look_up(keys);
  }
  std::vector<FunctionKey> missing;
  std::vector<size_t> places;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!records[i].empty()) continue;
    missing.push_back(keys[i]);
    places.push_back(i);
  }
  hits_ += keys.size() - missing.size();
  if (next_ && !missing.empty()) {
    std::vector<FunctionRecord> others = next_->get(missing);
    keep(others);
    for (size_t i = 0; i < others.size(); ++i) {
      hits_ += !others[i].empty();
      records[places[i]] = std::move(others[i]);
    }
  }
  misses_ += static_cast<uint64_t>(count_if(records, [](const FunctionRecord& record) { return record.empty(); }));
  return records;
}

void Store::put(ArrayRef<FunctionRecord> records) {
  keep(records);
  if (next_) next_->put(records);
}

void Store::keep(ArrayRef<FunctionRecord> records) {
  for (const FunctionRecord& record : records) {
    std::optional<ArrayRef<uint8_t>> unit = unit_of_record(record);
    if (!unit || record.size() > kMostRecord || record.size() > room_) continue;
    room_ -= record.size();
    functions_.put(key_in(options_.name_space, text_of(function_key(*unit))), record);
  }
}

std::optional<std::vector<uint8_t>> Store::get_artifact(StringRef key) {
  std::optional<std::vector<uint8_t>> found;
  artifacts_.get({key_in(options_.name_space, key)}, [&](size_t, ArrayRef<uint8_t> bytes) {
    found = bytes.vec();
    return true;
  });
  return found;
}

void Store::put_artifact(StringRef key, ArrayRef<uint8_t> bytes) {
  artifacts_.put(key_in(options_.name_space, key), bytes);
}

std::vector<FunctionRecord> Store::find_common(size_t name_spaces, uint64_t seed, size_t most_records,
                                               uint64_t most_bytes) {
  struct Owners {
    size_t count = 0;
    bool everybody = false;
  };
  auto function_of = [](StringRef key) { return key.take_back(sizeof(FunctionKey)).str(); };
  std::unordered_map<std::string, Owners> owners;
  functions_.report(true, [&](StringRef key, ArrayRef<uint8_t>) {
    if (key.empty()) return true;
    Owners& of_this = owners[function_of(key)];
    key.front() == 0 ? void(of_this.everybody = true) : void(++of_this.count);
    return true;
  });
  std::vector<std::string> common;
  for (const auto& [function, of_this] : owners)
    if (!of_this.everybody && of_this.count >= name_spaces) common.push_back(function);
  owners.clear();
  std::shuffle(common.begin(), common.end(), std::mt19937_64(seed));
  if (common.size() > most_records) common.resize(most_records);
  std::unordered_set<std::string> wanted(common.begin(), common.end());
  std::vector<FunctionRecord> found;
  functions_.report(true, [&](StringRef key, ArrayRef<uint8_t> record) {
    if (record.size() > most_bytes || !belongs(key, record) || wanted.erase(function_of(key)) == 0) return true;
    most_bytes -= record.size();
    found.push_back(record.vec());
    return true;
  });
  return found;
}

void Store::flush() {
  // Each waits for the disk most of the time. Where there is no thread to be had, one waits for the other.
  std::future<void> artifacts = std::async(std::launch::async | std::launch::deferred, [this] { artifacts_.flush(); });
  functions_.flush();
  artifacts.get();
}

std::string Store::damage() const {
  if (functions_.thrown_away() || artifacts_.thrown_away()) return "it was damaged, and starts again empty";
  if (functions_.mended() || artifacts_.mended()) return "it was damaged; what can be read of it is kept";
  if (uint64_t values = functions_.damaged_values() + artifacts_.damaged_values())
    return std::to_string(values) + " of what it holds is damaged, and not used";
  return "";
}

Store::Report Store::report(bool all) { return {functions_.report(all, belongs), artifacts_.report(all)}; }

bool Store::shrink(uint64_t limit) { return functions_.shrink(limit / 2) & artifacts_.shrink(limit / 2); }

bool Store::clear() { return functions_.clear() & artifacts_.clear(); }

}  // namespace aotc
