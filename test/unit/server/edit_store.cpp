// edit_store.cpp - a stopped server's store, opened from below: what a test does to it that a server never would.
//
//   edit_store STORE get FAMILY KEY          prints the value
//   edit_store STORE put FAMILY KEY          takes the value from its input
//   edit_store STORE delete FAMILY KEY
//   edit_store STORE list FAMILY ""          prints the keys
//   edit_store STORE drop FAMILY ""
//
// Keys and values are hexadecimal. STORE is the folder `store` in the server's data.
#include <rocksdb/db.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 5) return std::fprintf(stderr, "edit_store STORE get|put|delete|list|drop FAMILY KEY\n"), 2;
  std::string path = argv[1], verb = argv[2], family = argv[3], key, value;
  auto fail = [](const rocksdb::Status& status) {
    return std::fprintf(stderr, "edit_store: %s\n", status.ToString().c_str()), 1;
  };
  std::string input(std::istreambuf_iterator<char>(std::cin), {});
  if (!rocksdb::Slice(argv[4]).DecodeHex(&key) || !rocksdb::Slice(input).DecodeHex(&value))
    return std::fprintf(stderr, "edit_store: not hexadecimal\n"), 2;

  std::vector<std::string> names;
  rocksdb::Status status = rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path, &names);
  if (!status.ok()) return fail(status);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : names) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  status = rocksdb::DB::Open(rocksdb::DBOptions(), path, descriptors, &handles, &opened);
  if (!status.ok()) return fail(status);
  std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == family) handle = handles[i];
  if (!handle) return std::fprintf(stderr, "edit_store: there is no such family\n"), 1;
  if (verb == "put") status = db->Put(rocksdb::WriteOptions(), handle, key, value);
  if (verb == "drop") status = db->DropColumnFamily(handle);
  if (verb == "delete") status = db->Delete(rocksdb::WriteOptions(), handle, key);
  if (verb == "get") status = db->Get(rocksdb::ReadOptions(), handle, key, &value);
  if (verb == "list") {
    std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions(), handle));
    for (it->SeekToFirst(); it->Valid(); it->Next()) std::puts(it->key().ToString(true).c_str());
  }
  if (!status.ok()) return fail(status);
  if (verb == "get") std::puts(rocksdb::Slice(value).ToString(true).c_str());
  for (rocksdb::ColumnFamilyHandle* used : handles) db->DestroyColumnFamilyHandle(used);
  return 0;
}
