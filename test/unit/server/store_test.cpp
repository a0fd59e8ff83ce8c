// store_test.cpp - what the store keeps, what it counts against whom, and what is left of it after a close or a
// restore.
#include "house.h"
#include "store/backend.h"

namespace aotc::server {
namespace {

using StoreTest = House;

std::string bytes_of_chunks(size_t chunks, size_t more) {
  std::string bytes;
  for (size_t i = 0; bytes.size() < chunks * kChunkSize + more; ++i) bytes += std::to_string(i) + ",";
  bytes.resize(chunks * kChunkSize + more);
  return bytes;
}

TEST(RecordsTest, KeysSortByTheirOwnerAndComeApart) {
  EXPECT_EQ(tag_key("a/b", "v1"), std::string("a/b\0v1", 6));
  EXPECT_EQ(split_key(image_key("a/b", "sha256:1")), std::make_pair(std::string("a/b"), std::string("sha256:1")));
  EXPECT_EQ(referrer_key("n", "s", "m"), std::string("n\0s\0m", 5));
  EXPECT_EQ(BlobName({"t", "d"}).key(), std::string("d\0t", 3));
  EXPECT_EQ(BlobName::of_key(BlobName{"t", "d"}.key()).tenant, "t");
  EXPECT_LT(tag_key("a", "~"), past_keys_of("a"));
  EXPECT_LT(past_keys_of("a"), tag_key("a-b", ""));
  EXPECT_LT(past_keys_of("a"), tag_key("a/b", ""));
  EXPECT_LT(chunk_key(1, 0xffffffff), chunk_key(2, 0));
  EXPECT_LT(chunk_key(255, 1), chunk_key(256, 0));
  EXPECT_EQ(chunk_owner(chunk_key(0x0102030405060708, 9)), 0x0102030405060708u);
  EXPECT_EQ(chunk_index(chunk_key(7, 0xfffffffe)), 0xfffffffeu);
  EXPECT_EQ(account_of("tenant/app\0v1"), "tenant");
  EXPECT_EQ(account_of(job_key("tenant", "1")), "tenant");
}

TEST(RecordsTest, ValuesLookAsTheyAlwaysDid) {
  EXPECT_EQ(StoredBlob({1, 258}).value(), std::string("\1\0\0\0\0\0\0\0\2\1\0\0\0\0\0\0", 16));
  EXPECT_EQ(Owners::of_value(Owners{3, 4}.value())->references, 3u);
  EXPECT_FALSE(Owners::of_value("short"));
  EXPECT_EQ(number_of(number_value(UINT64_MAX)), UINT64_MAX);
  EXPECT_FALSE(number_of(std::string("1234567")));
  EXPECT_FALSE(number_of(std::nullopt));
  EXPECT_EQ((Link{"t", "a/b"}.value()), std::string("t\0a/b", 5));
}

TEST_F(StoreTest, ABlobIsReadAsItWasWritten) {
  for (size_t more : {0, 1, 1000}) {
    std::string bytes = bytes_of_chunks(2, more);
    BlobInfo blob = put("t", bytes);
    EXPECT_EQ(blob.size, bytes.size());
    EXPECT_EQ(blob.digest(), sha256(bytes));
    EXPECT_EQ(value_of(store->read_blob(*find("t", blob.digest()), bytes.size())), bytes);
    EXPECT_FALSE(find("other", blob.digest()));
  }
}

TEST_F(StoreTest, BytesWhoseDigestIsKnownAreNotHashedAgain) {
  Accounts::Reservation space(store->accounts(), "t", UINT64_MAX);
  std::string bytes = bytes_of_chunks(2, 1), digest = sha256("others");  // or it would know
  Store::BlobWriter writer(*store, space, digest);
  ASSERT_EQ(text_of(writer.append(as_bytes(bytes))), "success");
  EXPECT_EQ(value_of(writer.finish()).digest(), digest);
  EXPECT_EQ(value_of(store->read_blob(*find("t", digest), bytes.size())), bytes);
  EXPECT_NE(text_of(store->check_blob(*find("t", digest), [](uint64_t) { return true; })), "success");
}

TEST_F(StoreTest, EqualBytesAreStoredOnceForATenantAndAgainForAnother) {
  BlobInfo first = put("a", "equal"), second = put("a", "equal"), other = put("b", "equal");
  EXPECT_EQ(first.id, second.id);
  EXPECT_NE(first.id, other.id);
  EXPECT_EQ(store->stats().bytes, 10u);
}

TEST_F(StoreTest, WhatIsNotFinishedIsNotThere) {
  std::string bytes = bytes_of_chunks(3, 0);
  {
    Accounts::Reservation space(store->accounts(), "t", UINT64_MAX);
    Store::BlobWriter writer(*store, space);
    ASSERT_EQ(text_of(writer.append(as_bytes(bytes))), "success");
    EXPECT_EQ(store->stats().promised, bytes.size());
  }
  EXPECT_EQ(store->stats().promised, 0u);
  EXPECT_EQ(store->accounts().bytes_of("t"), 0u);
  EXPECT_FALSE(find("t", sha256(bytes)));
}

TEST_F(StoreTest, AQuotaCountsBlobsAndRecords) {
  Accounts::Reservation space(store->accounts(), "t", 4);
  EXPECT_TRUE(llvm::toString(store->put_blob(space, "12345").takeError()).find("quota") != std::string::npos);
  EXPECT_EQ(store->accounts().bytes_of("t"), 0u);
  ASSERT_EQ(text_of(store->put({{Table::Jobs, job_key("t", "1"), "12"}}, 5)), "success");
  EXPECT_EQ(store->accounts().bytes_of("t"), 5u);
  llvm::Error error = store->put({{Table::Jobs, job_key("t", "1"), "123"}}, 5);
  EXPECT_TRUE(error.isA<QuotaError>());
  llvm::consumeError(std::move(error));
  EXPECT_EQ(value_of(store->get(Table::Jobs, job_key("t", "1"))), "12");
  ASSERT_EQ(text_of(store->put({{Table::Jobs, job_key("t", "1"), std::nullopt}}, 0)), "success");
  EXPECT_EQ(store->accounts().bytes_of("t"), 0u);
}

TEST_F(StoreTest, RecordsOfOneBatchCountAsTheyEnd) {
  std::string key = tag_key("t/app", "v1");
  ASSERT_EQ(text_of(store->put({{Table::Tags, key, "one"}, {Table::Tags, key, std::nullopt}, {Table::Tags, key, "2"}})),
            "success");
  EXPECT_EQ(store->accounts().bytes_of("t"), key.size() + 1);
}

TEST_F(StoreTest, ListsAreOfOneOwnerInOrderAndGoOnWhereTheyEnded) {
  std::vector<Record> records;
  for (const char* tag : {"b", "a", "c"}) records.push_back({Table::Tags, tag_key("app", tag), tag});
  records.push_back({Table::Tags, tag_key("app2", "a"), "other"});
  ASSERT_EQ(text_of(store->put(records)), "success");
  auto page = value_of(store->list(Table::Tags, keys_of("app"), "", 2));
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].second + page[1].second, "ab");
  page = value_of(store->list(Table::Tags, keys_of("app"), page[1].first, 2));
  ASSERT_EQ(page.size(), 1u);
  EXPECT_EQ(page[0].second, "c");
  EXPECT_EQ(value_of(store->list(Table::Tags, "", past_keys_of("app"), 1)).at(0).second, "other");
}

TEST_F(StoreTest, WhatWasAcknowledgedIsThereAfterwardsAndAccountedFor) {
  std::string bytes = bytes_of_chunks(1, 5), digest = put("t", bytes).digest();
  ASSERT_EQ(text_of(store->put({{Table::Pins, tag_key("t/app", "v1"), ""}})), "success");
  uint64_t before = store->accounts().bytes_of("t");
  close();
  open();
  EXPECT_EQ(store->accounts().bytes_of("t"), before);
  EXPECT_EQ(store->stats().bytes, bytes.size());
  EXPECT_EQ(value_of(store->read_blob(*find("t", digest), bytes.size())), bytes);
  EXPECT_GT(put("t", "new").id, find("t", digest)->id);
}

TEST_F(StoreTest, OnlyWhatNobodyReadsIsDropped) {
  std::string digest = put("t", "bytes").digest(), key = BlobName{"t", digest}.key();
  std::string since = *value_of(store->get(Table::Garbage, key));
  {
    std::optional<BlobInfo> reader = find("t", digest);
    EXPECT_FALSE(value_of(store->drop_garbage({"t", digest}, since)));
  }
  EXPECT_FALSE(value_of(store->drop_garbage({"t", digest}, number_value(1))));
  EXPECT_TRUE(value_of(store->drop_garbage({"t", digest}, since)));
  EXPECT_FALSE(find("t", digest));
  EXPECT_EQ(store->accounts().bytes_of("t"), 0u);
}

TEST_F(StoreTest, DamageIsFoundMarkedAndMended) {
  std::string bytes = bytes_of_chunks(2, 9);
  BlobInfo blob = put("t", bytes);
  auto damage = [&](std::optional<std::string> value) {
    close();
    auto db = value_of(Backend::open(folder + "/store"));
    Backend::Batch batch(*db);
    if (value)
      batch.put(Table::Chunks, chunk_key(blob.id, 1), *value);
    else
      batch.remove(Table::Chunks, chunk_key(blob.id, 1));
    EXPECT_EQ(text_of(db->write(batch, true)), "success");
    db.reset();
    open();
  };
  std::string flipped = std::string(8, '\0') + bytes.substr(kChunkSize, kChunkSize);
  struct {
    std::optional<std::string> value;
    const char* message;
  } kinds[] = {{std::nullopt, "chunk 1 is missing"},
               {"short", "chunk 1 has the wrong size"},
               {flipped, "chunk 1 does not match its checksum"}};
  for (const auto& kind : kinds) {
    blob.lease.reset();
    damage(kind.value);
    blob = *find("t", blob.digest());
    EXPECT_FALSE(blob.damaged);
    EXPECT_EQ(llvm::toString(store->read_chunk(blob, 1).takeError()), "store: " + blob.digest() + ": " + kind.message);
    EXPECT_TRUE(find("t", blob.digest())->damaged);
    EXPECT_EQ(store->stats().damaged, 1u);
    blob.lease.reset();
    close();
    open();
    EXPECT_TRUE(find("t", blob.digest())->damaged);  // it is remembered
    blob = put("t", bytes);
    EXPECT_FALSE(find("t", blob.digest())->damaged);
    EXPECT_EQ(value_of(store->read_blob(blob, bytes.size())), bytes);
    EXPECT_EQ(store->accounts().bytes_of("t"), bytes.size());
  }
}

TEST_F(StoreTest, ABackupBecomesAStoreElsewhere) {
  std::string digest = put("t", "bytes").digest();
  ASSERT_EQ(text_of(Store::make_folder(folder + "/backups")), "success");
  ASSERT_EQ(text_of(store->back_up(folder + "/backups", 1)), "success");
  put("t", "later");
  EXPECT_NE(text_of(Store::restore(folder + "/backups", folder + "/store")), "success");
  close();
  ASSERT_EQ(text_of(Store::restore(folder + "/backups", folder + "/restored")), "success");
  auto restored = value_of(Store::open(folder + "/restored"));
  EXPECT_EQ(value_of(restored->read_blob(*value_of(restored->find_blob({"t", digest})), 5)), "bytes");
  EXPECT_FALSE(value_of(restored->find_blob({"t", sha256("later")})));
}

TEST_F(StoreTest, AnotherSchemaIsRefused) {
  close();
  {
    auto db = value_of(Backend::open(folder + "/store"));
    Backend::Batch batch(*db);
    batch.put(Table::Default, "schema", "5");
    ASSERT_EQ(text_of(db->write(batch, true)), "success");
  }
  EXPECT_EQ(llvm::toString(Store::open(folder + "/store").takeError()),
            "store: the data has schema version 5, this server reads version 4");
}

}  // namespace
}  // namespace aotc::server
