// catalog_test.cpp - who owns which blob, what goes with an image and what stays, and what makes room for what.
#include "house.h"

namespace aotc::server {
namespace {

class CatalogTest : public House {
 protected:
  // An image of one index, which names one manifest, which names one layer; the last may be shared.
  Image make_image(const std::string& tenant, const std::string& index, const std::string& layer) {
    Image image;
    auto add = [&](const std::string& text, const char* type) {
      image.blobs.push_back(put(tenant, text));
      image.parts.push_back({image.blobs.back().digest(), type});
      return image.blobs.back().digest();
    };
    std::string inner = add(layer, "application/octet-stream");
    std::string manifest = add(R"({"layers":[{"digest":")" + inner + R"("}],"of":")" + index + "\"}", kManifestType);
    image.index = add(R"({"manifests":[{"digest":")" + manifest + R"("}]})", kIndexType);
    return image;
  }

  void publish(const std::string& tenant, const std::string& repository, const std::string& tag, const Image& image) {
    ASSERT_EQ(text_of(catalog->publish(tenant, {{repository, tag}}, image, Quota(), {})), "success");
  }

  bool is_garbage(const std::string& tenant, const std::string& digest) {
    return value_of(store->get(Table::Garbage, BlobName{tenant, digest}.key())).has_value();
  }

  std::optional<std::string> tag(const std::string& repository, const std::string& tag) {
    return value_of(store->get(Table::Tags, tag_key(repository, tag)));
  }
};

TEST_F(CatalogTest, WhatIsPublishedIsOwnedAndWhatIsRemovedIsGarbage) {
  Image image = make_image("t", "1", "layer");
  std::string layer = image.parts[0].digest;
  EXPECT_TRUE(is_garbage("t", layer));
  publish("t", "t/app", "v1", image);
  EXPECT_FALSE(is_garbage("t", layer));
  EXPECT_GT(catalog->owned_bytes("t"), 0u);
  EXPECT_EQ(value_of(find_link(*store, "t/app", image.index))->media_type, kIndexType);
  EXPECT_FALSE(value_of(catalog->remove_manifest("t/app", layer)));  // no document
  EXPECT_FALSE(value_of(catalog->remove_manifest("t/other", image.index)));
  EXPECT_TRUE(value_of(catalog->remove_manifest("t/app", image.index)));
  EXPECT_FALSE(value_of(catalog->remove_manifest("t/app", image.index)));
  EXPECT_FALSE(tag("t/app", "v1"));
  EXPECT_TRUE(is_garbage("t", layer));
  EXPECT_EQ(catalog->owned_bytes("t"), 0u);
  EXPECT_FALSE(value_of(catalog->drop_garbage("t")));  // the image's leases
  image.blobs.clear();
  EXPECT_TRUE(value_of(catalog->drop_garbage("t")));
  EXPECT_EQ(store->accounts().bytes_of("t"), 0u);
  EXPECT_EQ(catalog->dropped_blobs(), 3u);
}

TEST_F(CatalogTest, WhatAnotherImageNeedsStays) {
  Image one = make_image("t", "1", "shared"), two = make_image("t", "2", "shared"), three = make_image("t", "3", "own");
  publish("t", "t/app", "one", one);
  publish("t", "t/app", "two", two);
  publish("t", "t/elsewhere", "three", three);
  EXPECT_TRUE(value_of(catalog->remove_manifest("t/app", one.index)));
  EXPECT_FALSE(is_garbage("t", two.parts[0].digest));
  EXPECT_TRUE(is_garbage("t", one.index));
  EXPECT_TRUE(value_of(find_link(*store, "t/app", two.parts[0].digest)));
  EXPECT_TRUE(value_of(catalog->remove_manifest("t/app", two.index)));
  EXPECT_TRUE(is_garbage("t", two.parts[0].digest));
  EXPECT_FALSE(is_garbage("t", three.parts[0].digest));
}

TEST_F(CatalogTest, OwnersAreCountedAcrossRepositoriesJobsAndRestarts) {
  Image image = make_image("t", "1", "layer");
  publish("t", "t/a", "v1", image);
  publish("t", "t/b", "v1", image);
  ASSERT_EQ(text_of(catalog->hold({"t", image.parts[0].digest}, Quota(), {})), "success");
  uint64_t owned = catalog->owned_bytes("t");
  EXPECT_TRUE(value_of(catalog->remove_manifest("t/a", image.index)));
  EXPECT_EQ(catalog->owned_bytes("t"), owned);
  image.blobs.clear();
  close();
  open();
  EXPECT_EQ(catalog->owned_bytes("t"), owned);
  EXPECT_TRUE(value_of(catalog->remove_manifest("t/b", image.index)));
  EXPECT_EQ(catalog->owned_bytes("t"), std::string("layer").size());
  ASSERT_EQ(text_of(catalog->release({"t", image.parts[0].digest}, {})), "success");
  EXPECT_EQ(catalog->owned_bytes(), 0u);
}

TEST_F(CatalogTest, AConditionalTagMovesOnlyFromWhatItNamed) {
  Image one = make_image("t", "1", "a"), two = make_image("t", "2", "b");
  publish("t", "t/app", "v1", one);
  auto again = [&](const std::string& name, const std::string& was) {
    EXPECT_EQ(text_of(catalog->publish("t", {{"t/app", name, was}}, two, Quota(), {})), "success");
    return tag("t/app", name);
  };
  EXPECT_EQ(again("v1", two.index), one.index);
  EXPECT_EQ(again("v1", kNoTag), one.index);
  EXPECT_EQ(again("new", one.index), std::nullopt);
  EXPECT_EQ(again("new", kNoTag), two.index);
  EXPECT_EQ(again("v1", one.index), two.index);
}

TEST_F(CatalogTest, WhatIsPinnedOrUsedSinceIsNotEvicted) {
  Image image = make_image("t", "1", "a");
  publish("t", "t/app", "v1", image);
  ImageUse use = value_of(catalog->images("t/")).at(0);
  EXPECT_FALSE(value_of(catalog->evict(use, Catalog::Evict::Untagged)));
  EXPECT_FALSE(value_of(catalog->pin("t/app", "v2", true)));
  EXPECT_TRUE(value_of(catalog->pin("t/app", "v1", true)));
  EXPECT_FALSE(value_of(catalog->evict(use, Catalog::Evict::Unpinned)));
  EXPECT_TRUE(value_of(catalog->pin("t/app", "v1", false)));
  ImageUse earlier = use;
  earlier.used -= 1;
  EXPECT_FALSE(value_of(catalog->evict(earlier, Catalog::Evict::Unpinned)));
  EXPECT_EQ(catalog->evicted_images(), 0u);
  use.used = UINT64_MAX;
  EXPECT_TRUE(value_of(catalog->evict(use, Catalog::Evict::Unpinned)));
  EXPECT_EQ(catalog->evicted_images(), 1u);
  EXPECT_TRUE(value_of(catalog->images("t/")).empty());
}

TEST_F(CatalogTest, UsesAreRecordedOfWhatIsStillThere) {
  Image image = make_image("t", "1", "a");
  publish("t", "t/app", "v1", image);
  std::string key = image_key("t/app", image.index);
  ASSERT_EQ(text_of(store->put({{Table::Images, key, number_value(1)}})), "success");
  catalog->touch("t/app", image.index);
  catalog->touch("t/gone", image.index);
  EXPECT_GT(value_of(catalog->images("t/")).at(0).used, 1u);
  EXPECT_EQ(number_of(value_of(store->get(Table::Images, key))), 1u);
  ASSERT_EQ(text_of(catalog->record_uses()), "success");
  EXPECT_GT(*number_of(value_of(store->get(Table::Images, key))), 1u);
  EXPECT_FALSE(value_of(store->get(Table::Images, image_key("t/gone", image.index))));
}

TEST_F(CatalogTest, AQuotaDropsGarbageAndOnlyWhenItSaysSoImages) {
  Image image = make_image("t", "1", std::string(1000, 'x'));
  publish("t", "t/app", "v1", image);
  image.blobs.clear();
  put("t", std::string(500, 'g'));
  Quota quota;
  quota.bytes = store->accounts().bytes_of("t");
  EXPECT_EQ(text_of(catalog->reserve("t", quota).cover(400)), "success");
  EXPECT_EQ(catalog->dropped_blobs(), 1u);
  EXPECT_TRUE(tag("t/app", "v1"));
  EXPECT_NE(text_of(catalog->reserve("t", quota).cover(1200)), "success");
  EXPECT_TRUE(tag("t/app", "v1"));
  quota.evict = true;
  EXPECT_EQ(text_of(catalog->reserve("t", quota).cover(1200)), "success");
  EXPECT_FALSE(tag("t/app", "v1"));
  EXPECT_EQ(catalog->evicted_images(), 1u);
}

}  // namespace
}  // namespace aotc::server
