// store_records.cpp - reads and writes of records, and what they count against whom.
#include <algorithm>

#include "store_impl.h"

namespace aotc::server {

constexpr size_t kPage = 256;

void Store::Impl::add(Backend::Batch& batch, const std::vector<Record>& records) {
  for (const Record& record : records) {
    if (record.value)
      batch.put(record.table, record.key, *record.value);
    else
      batch.remove(record.table, record.key);
  }
}

llvm::Error Store::Impl::write(Backend::Batch& batch, bool synced) {
  ++writes;
  synced_writes += synced;
  written_bytes += batch.bytes();
  return db->write(batch, synced);
}

llvm::Expected<std::map<std::string, int64_t>> Store::Impl::growth(const std::vector<Record>& records) {
  std::map<std::pair<Table, std::string>, int64_t> sizes;  // in the end, of each
  std::map<std::string, int64_t> differences;
  for (const Record& record : records) {
    if (!is_accounted(record.table)) continue;
    auto [found, first] = sizes.try_emplace({record.table, record.key}, 0);
    if (first) {
      int64_t& before = found->second;
      auto measure = [&](llvm::StringRef value) { before = static_cast<int64_t>(record.key.size() + value.size()); };
      if (llvm::Error error = db->read(record.table, record.key, measure).takeError()) return error;
    }
    int64_t size = record.value ? static_cast<int64_t>(record.key.size() + record.value->size()) : 0;
    differences[account_of(record.key)] += size - found->second;
    found->second = size;
  }
  return differences;
}

llvm::Error Store::put(const std::vector<Record>& records, uint64_t limit) {
  auto differences = impl_->growth(records);
  if (!differences) return differences.takeError();
  auto take_back = [&](auto end) {
    for (auto it = differences->begin(); it != end; ++it)
      llvm::cantFail(impl_->accounts.change(it->first, -it->second));
  };
  for (auto it = differences->begin(); it != differences->end(); ++it)
    if (llvm::Error error = impl_->accounts.change(it->first, it->second, limit)) {
      take_back(it);
      return error;
    }
  Backend::Batch batch(*impl_->db);
  impl_->add(batch, records);
  llvm::Error error = impl_->write_synced(batch);
  if (error) take_back(differences->end());
  return error;
}

llvm::Expected<std::optional<std::string>> Store::get(Table table, const std::string& key) {
  return impl_->db->get(table, key);
}

llvm::Expected<std::vector<std::pair<std::string, std::string>>> Store::list(Table table, const std::string& prefix,
                                                                             const std::string& after, size_t limit) {
  std::vector<std::pair<std::string, std::string>> found;
  Backend::Cursor cursor(*impl_->db, table);
  for (cursor.seek(std::max(prefix, after)); !cursor.at_end() && found.size() < limit; cursor.next()) {
    if (!cursor.key().starts_with(prefix)) break;
    if (cursor.key() != after) found.emplace_back(cursor.key().str(), cursor.value().str());
  }
  if (llvm::Error error = cursor.error()) return error;
  return found;
}

llvm::Error for_each(Store& store, Table table, const std::string& prefix,
                     llvm::function_ref<llvm::Error(const std::string&, const std::string&)> visit) {
  for (std::string after;;) {
    auto page = store.list(table, prefix, after, kPage);
    if (!page) return page.takeError();
    if (page->empty()) return llvm::Error::success();
    for (const auto& [key, value] : *page)
      if (llvm::Error error = visit(key.substr(prefix.size()), value)) return error;
    after = page->back().first;
  }
}

}  // namespace aotc::server
