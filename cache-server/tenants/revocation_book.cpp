// revocation_book.cpp - see revocation_book.h.
#include "revocation_book.h"
#include "support/error.h"

#include <nlohmann/json.hpp>

namespace aotc::server {

namespace {

// Kept free in each list, so that all that there is can still be revoked at once when there is no room for single ones.
constexpr size_t kLastResort = 20 + 18 + kMaxReason;

}  // namespace

char RevokedError::ID;

std::string RevocationBook::key_ids() const {
  std::string ids;
  for (const Signer& key : keys_) ids += (ids.empty() ? "" : " ") + key.id();
  return ids;
}

RevocationBook::List RevocationBook::list_of(const std::string& repository) const {
  if (auto found = lists_.find(repository); found != lists_.end()) return found->second;
  List list;
  list.entries.repository = repository;
  return list;
}

llvm::Error RevocationBook::open() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<List> stale;
  auto read = [&](const std::string& repository, const std::string& value) -> llvm::Error {
    nlohmann::json json = nlohmann::json::parse(value, nullptr, false);
    if (!json.is_object()) return failure("the revocations for " + repository + " are damaged");
    List list = list_of(repository);
    list.entries.sequence = json.value("sequence", uint64_t{0});
    list.entries.issued = json.value("issued", uint64_t{0});
    list.entries.compilers = json.value("compilers", std::map<std::string, std::string>());
    list.entries.indexes = json.value("indexes", std::map<std::string, std::string>());
    list.entries.through = json.value("through", uint64_t{0});
    list.entries.through_reason = json.value("through_reason", "");
    list.keys = json.value("keys", "");
    list.text = json.value("text", "");
    if (signs() && list.keys != key_ids()) stale.push_back(list);
    lists_[repository] = std::move(list);
    return llvm::Error::success();
  };
  if (llvm::Error error = for_each(store_, Table::Revocations, "", read)) return error;
  for (List& list : stale)
    if (llvm::Error error = write(std::move(list), true)) return error;
  return llvm::Error::success();
}

// Under the mutex.
llvm::Error RevocationBook::write(List list, bool is_last_resort) {
  aotc::Revocations& entries = list.entries;
  ++entries.sequence;
  entries.issued = seconds_since_1970();
  std::string error;
  std::optional<std::string> text = aotc::sign_revocations(entries, keys_, error);
  if (text && !is_last_resort && text->size() + kLastResort > kMaxRevocations)
    error = "there is no room for more revocations in one list", text.reset();
  if (!text) return failure(entries.repository + ": " + error);
  list.keys = key_ids();
  if (signs()) list.text = *text;  // else what was signed before stays, until there are keys again
  nlohmann::json json = {{"sequence", entries.sequence},
                         {"issued", entries.issued},
                         {"compilers", entries.compilers},
                         {"indexes", entries.indexes},
                         {"through", entries.through},
                         {"through_reason", entries.through_reason},
                         {"keys", list.keys},
                         {"text", list.text}};
  if (llvm::Error failed = store_.put({{Table::Revocations, entries.repository, json.dump()}})) return failed;
  lists_[entries.repository] = std::move(list);
  return llvm::Error::success();
}

llvm::Error RevocationBook::add_compiler(const std::string& repository, const std::string& version,
                                         const std::string& reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  List list = list_of(repository);
  list.entries.compilers[version] = reason;
  return write(std::move(list), false);
}

llvm::Error RevocationBook::add_index(const std::string& repository, const std::string& index,
                                      const std::string& reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  List list = list_of(repository);
  list.entries.indexes[index] = reason;
  return write(std::move(list), false);
}

llvm::Error RevocationBook::add_all_through(const std::string& repository, uint64_t sequence,
                                            const std::string& reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  List list = list_of(repository);
  list.entries.through = sequence;
  list.entries.through_reason = reason;
  return write(std::move(list), true);
}

std::string RevocationBook::reason_against(const std::string& repository, const aotc::SignedRelease& release) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const std::string& name : {repository, std::string(kWholeFleet)})
    if (auto found = lists_.find(name); found != lists_.end())
      if (std::string reason = aotc::reason_against(found->second.entries, release); !reason.empty()) return reason;
  return "";
}

std::vector<std::string> RevocationBook::texts(const std::string& repository) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> texts;
  for (const std::string& name : {repository, std::string(kWholeFleet)})
    if (auto found = lists_.find(name); found != lists_.end() && !found->second.text.empty())
      texts.push_back(found->second.text);
  return texts;
}

}  // namespace aotc::server
