// remote_place_test.cpp - URLs of remotes, and what is none.
#include "support/remote_place.h"

#include <gtest/gtest.h>

namespace aotc {
namespace {

std::string read(const std::string& url) {
  std::string error;
  std::optional<RemotePlace> place = parse_remote_place(url, error);
  EXPECT_NE(place.has_value(), !error.empty()) << url;
  if (!place) return "none";
  return place->shown() + " " + place->user + " " + place->password;
}

TEST(RemotePlace, IsRead) {
  EXPECT_EQ(read("redis://cache"), "redis://cache:6379  ");
  EXPECT_EQ(read("rediss://me:secret@cache.example:1/15"), "rediss://cache.example:1/15 me secret");
  EXPECT_EQ(read("redis://:p%40%3A%2f@[::1]:6380/0"), "redis://[::1]:6380  p@:/");
  EXPECT_EQ(read("redis://a:b@c@127.0.0.1/"), "redis://127.0.0.1:6379 a b@c");
  EXPECT_EQ(read("http://cache"), "http://cache:80  ");
  EXPECT_EQ(read("https://cache/team/x//"), "https://cache:443/team/x  ");
}

TEST(RemotePlace, IsNone) {
  for (const char* url : {"",
                          "redis",
                          "redis:/x",
                          "redis://",
                          "ftp://x",
                          "redis://:6379",
                          "redis://x:0",
                          "redis://x:65536",
                          "redis://x:y",
                          "redis://x:06379",
                          "redis://x/y",
                          "redis://x/1/2",
                          "redis://x/-1",
                          "redis://me@x",
                          "redis://me:%4@x",
                          "redis://me:%zz@x",
                          "redis://me:%00@x",
                          "redis://x y",
                          "redis://x\n",
                          "http://x/?query",
                          "http://x/#part",
                          "http://[x",
                          "http://[]/",
                          "http://a_b!/",
                          "redis://x:6379:1"})
    EXPECT_EQ(read(url), "none") << url;
  EXPECT_EQ(read("http://x/" + std::string(3000, 'y')), "none");
}

TEST(RemotePlace, IsNoFolder) {
  EXPECT_TRUE(is_url("redis://x") && is_url("gopher://x"));
  EXPECT_FALSE(is_url("/a/b") || is_url("off") || is_url("") || is_url("c:/x"));
}

}  // namespace
}  // namespace aotc
