// store_open.cpp - what happens to a store as a whole: it is made, opened, brought up to date, backed up, restored.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "log.h"
#include "store_impl.h"

namespace aotc::server {

namespace {

constexpr const char* kSchemaKey = "schema";
constexpr const char* kSchemaVersion = "4";
constexpr const char* kUpgradedVersion = "3";

// Makes the entries of a folder durable.
llvm::Error sync_folder(const std::filesystem::path& path) {
  int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = fd >= 0 && fsync(fd) == 0;
  std::error_code code(errno, std::generic_category());
  if (fd >= 0) close(fd);
  return done ? llvm::Error::success() : store_failure(path.string() + ": " + code.message());
}

// An Error when there is a database of another version that is not to be upgraded.
llvm::Error check_schema(const std::string& path, Upgrade upgrade) {
  llvm::Expected<std::optional<std::string>> version = Backend::peek(path, kSchemaKey);
  if (!version) return version.takeError();
  if (!*version) return llvm::Error::success();  // new, or its making was cut off
  if (*version == kSchemaVersion || (*version == kUpgradedVersion && upgrade != Upgrade::No))
    return llvm::Error::success();
  return store_failure(
      fmt::format("the data has schema version {}, this server reads version {}", **version, kSchemaVersion));
}

}  // namespace

llvm::Error Store::Impl::set_schema(Upgrade upgrade) {
  llvm::Expected<std::optional<std::string>> version = db->get(Table::Default, kSchemaKey);
  if (!version) return version.takeError();
  if (*version == kUpgradedVersion) {
    if (llvm::Error error = upgrade_from_3(upgrade == Upgrade::OneTenant)) return error;
    log(Level::Info, "the data was upgraded", {{"from", kUpgradedVersion}, {"to", kSchemaVersion}});
  } else if (*version) {
    return llvm::Error::success();
  }
  Backend::Batch batch(*db);
  batch.put(Table::Default, kSchemaKey, kSchemaVersion);
  return db->write(batch, sync);
}

// Ids in use come from `blobs`; every other id found in `chunks` is an upload that was never acknowledged.
llvm::Error Store::Impl::drop_unfinished() {
  std::vector<uint64_t> used;
  auto add = [&](llvm::StringRef key, llvm::StringRef value) -> llvm::Error {
    std::optional<StoredBlob> blob = StoredBlob::of_value(value);
    if (!blob) return llvm::Error::success();
    used.push_back(blob->id);
    bytes += blob->size;
    return accounts.change(BlobName::of_key(key).tenant, static_cast<int64_t>(blob->size));
  };
  if (llvm::Error error = db->each(Table::Blobs, "", add)) return error;
  std::sort(used.begin(), used.end());
  uint64_t last = used.empty() ? 0 : used.back();
  Backend::Cursor chunks(*db, Table::Chunks);
  for (chunks.seek(""); !chunks.at_end();) {
    uint64_t id = chunk_owner(chunks.key());
    last = std::max(last, id);
    if (!std::binary_search(used.begin(), used.end(), id))
      if (llvm::Error error = drop_chunks(id)) return error;
    chunks.seek(chunk_key(id + 1, 0));
  }
  next_id = last + 1;
  return chunks.error();
}

llvm::Error Store::Impl::read_damaged() {
  return db->each(Table::Damaged, "", [this](llvm::StringRef key, llvm::StringRef) {
    damaged.insert(key.str());
    return llvm::Error::success();
  });
}

llvm::Error Store::Impl::account_for_records() {
  auto add = [this](llvm::StringRef key, llvm::StringRef value) {
    return accounts.change(account_of(key), static_cast<int64_t>(key.size() + value.size()));
  };
  for (size_t table = 0; table < kTables; ++table)
    if (is_accounted(static_cast<Table>(table)))
      if (llvm::Error error = db->each(static_cast<Table>(table), "", add)) return error;
  return llvm::Error::success();
}

Store::Store(const StoreOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Store::~Store() = default;

llvm::Expected<std::unique_ptr<Store>> Store::open(const std::string& path, const StoreOptions& options) {
  if (llvm::Error error = check_schema(path, options.upgrade)) return error;
  llvm::Expected<std::unique_ptr<Backend>> backend = Backend::open(path);
  if (!backend) return backend.takeError();
  std::unique_ptr<Store> store(new Store(options));
  store->impl_->db = std::move(*backend);
  // The database syncs its folder, but not its name.
  if (llvm::Error error = sync_folder(std::filesystem::absolute(path).parent_path())) return error;
  if (llvm::Error error = store->impl_->set_schema(options.upgrade)) return error;
  if (llvm::Error error = store->impl_->drop_unfinished()) return error;
  if (llvm::Error error = store->impl_->read_damaged()) return error;
  if (llvm::Error error = store->impl_->account_for_records()) return error;
  return store;
}

llvm::Error Store::back_up(const std::string& folder, unsigned keep) { return impl_->db->back_up(folder, keep); }

void Store::stop_backup() { impl_->db->stop_backup(); }

llvm::Error Store::make_folder(const std::string& folder) {
  std::error_code code;
  std::filesystem::path path = std::filesystem::absolute(folder, code);
  if (code) return store_failure(folder + ": " + code.message());
  if (std::filesystem::is_directory(path, code)) return llvm::Error::success();
  if (path.has_relative_path())
    if (llvm::Error error = make_folder(path.parent_path().string())) return error;
  if (!std::filesystem::create_directory(path, code) && code) return store_failure(folder + ": " + code.message());
  return sync_folder(path.parent_path());
}

llvm::Error Store::restore(const std::string& folder, const std::string& path) {
  std::error_code code;
  if (std::filesystem::exists(path, code)) return store_failure(path + " exists; a restore needs a place of its own");
  std::string unfinished = path + ".unfinished";
  std::filesystem::remove_all(unfinished, code);
  if (llvm::Error error = make_folder(std::filesystem::path(path).parent_path().string())) return error;
  if (llvm::Error error = Backend::restore(folder, unfinished)) {
    std::filesystem::remove_all(unfinished, code);
    return error;
  }
  std::filesystem::rename(unfinished, path, code);
  if (code) return store_failure(path + ": " + code.message());
  return sync_folder(std::filesystem::absolute(path).parent_path());
}

}  // namespace aotc::server
