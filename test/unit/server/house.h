// house.h - a store with what stands on it, in a folder that goes with the test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "store/catalog.h"
#include "store/store.h"
#include "tenants/revocation_book.h"

namespace aotc::server {

inline std::string text_of(llvm::Error error) { return error ? llvm::toString(std::move(error)) : "success"; }

// Fails the test, and ends it with an exception, when there is an Error.
template <typename T>
T value_of(llvm::Expected<T> value) {
  if (value) return std::move(*value);
  throw std::runtime_error(llvm::toString(value.takeError()));
}

class House : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "aotc-unit-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    open();
  }

  void TearDown() override {
    close();
    std::filesystem::remove_all(folder);
  }

  void open(StoreOptions options = {}) {
    store = value_of(Store::open(folder + "/store", options));
    revocations = std::make_unique<RevocationBook>(*store, std::vector<Signer>());
    catalog = std::make_unique<Catalog>(*store, SigningOptions(), *revocations);
    ASSERT_EQ(text_of(revocations->open()), "success");
    ASSERT_EQ(text_of(catalog->open()), "success");
  }

  void close() {
    catalog.reset();
    revocations.reset();
    store.reset();
  }

  BlobInfo put(const std::string& tenant, llvm::StringRef bytes) {
    Accounts::Reservation space(store->accounts(), tenant, UINT64_MAX);
    return value_of(store->put_blob(space, bytes));
  }

  std::optional<BlobInfo> find(const std::string& tenant, const std::string& digest) {
    return value_of(store->find_blob({tenant, digest}));
  }

  std::string folder;
  std::unique_ptr<Store> store;
  std::unique_ptr<RevocationBook> revocations;
  std::unique_ptr<Catalog> catalog;
};

}  // namespace aotc::server
