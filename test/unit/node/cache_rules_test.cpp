// cache_rules_test.cpp - what a shared cache may keep, for how long and for whom (RFC 9111), and what a stored response
// answers (RFC 9110, 13 and 14). A row is a case.
#include "cache_rules.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "cache_control.h"
#include "purge.h"
#include "stored_response.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
const time_t kNow = *http_date("Tue, 01 Dec 2026 12:00:00 GMT");
const std::string kDate = "Date: Tue, 01 Dec 2026 12:00:00 GMT\r\n";

std::string head(const std::string& fields, const std::string& method = "GET") {
  return method + " /p HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

CacheRequest request(const std::string& fields, const std::string& method = "GET", bool has_body = false) {
  return cache_request_of(method, "x", "/p", head(fields, method), has_body);
}

TEST(CacheRules, SayHowLong) {
  const struct {
    const char* fields;
    int64_t fresh, while_revalidate, if_error;  // fresh 0 and nothing else: it is not kept
  } kCases[] = {
      {"Cache-Control: max-age=60\r\n", 60, 0, 0},
      {"cache-control:MAX-AGE=60\r\n", 60, 0, 0},
      {"Cache-Control: max-age=\"60\"\r\n", 60, 0, 0},
      {"Cache-Control: max-age=60, s-maxage=10\r\n", 10, 0, 0},
      {"Cache-Control: s-maxage=0, max-age=60\r\n", 0, 0, 0},
      {"Cache-Control: max-age=60\r\nCache-Control: max-age=5\r\n", 5, 0, 0},
      {"Cache-Control: max-age=60\r\nCache-Control: no-store\r\n", 0, 0, 0},
      {"Cache-Control: max-age=99999999999999999999999\r\n", int64_t{1} << 31, 0, 0},
      {"Cache-Control: max-age=-1\r\n", 0, 0, 0},
      {"Cache-Control: max-age=6x\r\n", 0, 0, 0},
      {"Cache-Control: max-age\r\n", 0, 0, 0},
      {"Cache-Control: x-max-age=60\r\n", 0, 0, 0},
      {"Cache-Control: private, max-age=60\r\n", 0, 0, 0},
      {"Cache-Control: private=\"set-cookie\", max-age=60\r\n", 0, 0, 0},
      {"Cache-Control: x=\"max-age=60, s-maxage=60\"\r\n", 0, 0, 0},
      {"Cache-Control: x=\"\\\", max-age=60\"\r\n", 0, 0, 0},
      {"Cache-Control: no-cache, max-age=60\r\n", 0, 0, 0},
      {"Cache-Control: no-cache=\"x\", max-age=60\r\n", 0, 0, 0},
      {"Cache-Control: public\r\n", 0, 0, 0},
      {"Last-Modified: Mon, 01 Jan 2001 00:00:00 GMT\r\n", 0, 0, 0},
      {"", 0, 0, 0},
      {"Pragma: cache\r\n", 0, 0, 0},
      {"Expires: Tue, 01 Dec 2026 12:01:00 GMT\r\n", 60, 0, 0},
      {"Expires: Tuesday, 01-Dec-26 12:01:00 GMT\r\n", 60, 0, 0},
      {"Expires: Tue Dec  1 12:01:00 2026\r\n", 60, 0, 0},
      {"Expires: 0\r\n", 0, 0, 0},
      {"Expires: Tue, 01 Dec 2026 12:01:00 GMT\r\nExpires: 0\r\n", 0, 0, 0},
      {"Expires: Tue, 01 Dec 2026 13:00:00 GMT\r\nCache-Control: max-age=5\r\n", 5, 0, 0},
      {"Cache-Control: max-age=60\r\nAge: 20\r\n", 40, 0, 0},
      {"Cache-Control: max-age=60\r\nAge: 60\r\n", 0, 0, 0},
      {"Cache-Control: max-age=60, stale-while-revalidate=30\r\n", 60, 30, 0},
      {"Cache-Control: s-maxage=60, stale-while-revalidate=30, stale-if-error=90\r\n", 60, 30, 90},
      {"Cache-Control: max-age=60, stale-while-revalidate=30, must-revalidate\r\n", 60, 0, 0},
      {"Cache-Control: max-age=60, stale-if-error=30, proxy-revalidate\r\n", 60, 0, 0},
      {"Cache-Control: max-age=0, stale-while-revalidate=30\r\n", 0, 30, 0},
      {"Cache-Control: max-age=60\r\nVary: *\r\n", 0, 0, 0},
      {"Cache-Control: max-age=60\r\nVary: a, b,c,d\r\nVary: e,f,g,h\r\n", 60, 0, 0},
      {"Cache-Control: max-age=60\r\nVary: a,b,c,d,e,f,g,h,i\r\n", 0, 0, 0},
      {"Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n", 0, 0, 0},
      {"Cache-Control: s-maxage=60\r\nSet-Cookie: a=b\r\n", 0, 0, 0},
      {"Cache-Control: public, max-age=60\r\nSet-Cookie: a=b\r\n", 60, 0, 0},
  };
  for (const auto& one : kCases) {
    const Freshness f = freshness_of(request(""), head(""), 200, kDate + one.fields, kNow);
    EXPECT_EQ(f.kept, one.fresh + one.while_revalidate + one.if_error > 0) << one.fields;
    if (!f.kept) continue;
    EXPECT_EQ(f.fresh, one.fresh) << one.fields;
    EXPECT_EQ(f.while_revalidate, one.while_revalidate) << one.fields;
    EXPECT_EQ(f.if_error, one.if_error) << one.fields;
  }
}

TEST(CacheRules, CountTheTimeBefore) {
  const std::string lines = "Date: Tue, 01 Dec 2026 11:59:30 GMT\r\nCache-Control: max-age=60\r\n";
  const Freshness f = freshness_of(request(""), head(""), 200, lines, kNow);
  EXPECT_EQ(f.age, 30u);
  EXPECT_EQ(f.fresh, 30);
  // A clock that is ahead makes nothing younger than it is.
  const Freshness ahead = freshness_of(request(""), head(""), 200,
                                       "Date: Tue, 01 Dec 2026 13:00:00 GMT\r\nCache-Control: max-age=60\r\n", kNow);
  EXPECT_EQ(ahead.fresh, 60);
}

TEST(CacheRules, SayForWhom) {
  const struct {
    const char *control, *fields;
    bool kept;
  } kCases[] = {
      {"max-age=60", "Authorization: x\r\n", false},
      {"max-age=60, public", "Authorization: x\r\n", true},
      {"s-maxage=60", "Authorization: x\r\n", true},
      {"max-age=60, must-revalidate", "Authorization: x\r\n", true},
      {"max-age=60", "Cookie: a=b\r\n", false},
      {"max-age=60, must-revalidate", "Cookie: a=b\r\n", false},
      {"max-age=60, public", "Cookie: a=b\r\n", true},
      {"s-maxage=60", "cookie: a=b\r\n", true},
      {"max-age=60", "Cache-Control: no-store\r\n", false},
      {"max-age=60", "Cache-Control: no-cache, max-age=0\r\nPragma: no-cache\r\n", true},
  };
  for (const auto& one : kCases) {
    const std::string lines = kDate + "Cache-Control: " + one.control + "\r\n";
    const CacheRequest asks = request(one.fields);
    EXPECT_EQ(freshness_of(asks, head(one.fields), 200, lines, kNow).kept, one.kept) << one.control << one.fields;
    // What was kept for somebody without answers it only then, too.
    if (asks.no_store) continue;
    const auto stored = stored_response(request(""), head(""), 200, lines, 0, kNow);
    ASSERT_NE(stored, nullptr);
    EXPECT_EQ(stored->may_answer(asks), one.kept) << one.control << one.fields;
  }
}

TEST(CacheRules, KeepNoErrorsThatAClientCanCause) {
  for (const int status : {200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410})
    EXPECT_TRUE(freshness_of(request(""), head(""), status, "Cache-Control: max-age=60\r\n", kNow).kept) << status;
  for (const int status : {201, 206, 304, 400, 401, 403, 405, 412, 413, 414, 416, 431, 500, 501, 502, 503, 504})
    EXPECT_FALSE(freshness_of(request(""), head(""), status, "Cache-Control: max-age=60\r\n", kNow).kept) << status;
}

TEST(CacheRules, LetRequestsPass) {
  EXPECT_FALSE(request("").passes);
  EXPECT_FALSE(request("", "HEAD").passes);
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "PURGE"})
    EXPECT_TRUE(request("", method).passes) << method;
  EXPECT_TRUE(request("", "PURGE").unsafe);
  EXPECT_FALSE(request("", "OPTIONS").unsafe);
  EXPECT_TRUE(request("", "GET", true).passes);
  for (const char* name :
       {"X-HTTP-Method-Override", "x-original-url", "X-Rewrite-URL", "X-Host", "If-Match", "If-Unmodified-Since"})
    EXPECT_TRUE(request(std::string(name) + ": y\r\n").passes) << name;
  EXPECT_TRUE(request("X: " + std::string(kMostCacheHead, 'x') + "\r\n").passes);
}

TEST(CacheRules, KeysHoldWhatIsAskedFor) {
  auto key = [](const std::string& host, const std::string& target, const std::string& fields) {
    return cache_request_of("GET", host, target, head(fields), false).key;
  };
  const std::string plain = key("x", "/p", "X-Forwarded-Proto: http\r\n");
  EXPECT_EQ(key("x", "/p", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: http\r\nUser-Agent: a\r\n"), plain);
  EXPECT_EQ(key("x", "/p", "Forwarded: for=1.2.3.4;proto=http\r\n"),
            key("x", "/p", "Forwarded: for=5.6.7.8;proto=http\r\n"));
  for (const std::string& other :
       {key("X", "/p", "X-Forwarded-Proto: http\r\n"), key("x:80", "/p", "X-Forwarded-Proto: http\r\n"),
        key("x", "/p?", "X-Forwarded-Proto: http\r\n"), key("x", "/P", "X-Forwarded-Proto: http\r\n"),
        key("x", "/p", "X-Forwarded-Proto: https\r\n"),
        key("x", "/p", "X-Forwarded-Proto: http\r\nX-Forwarded-Host: y\r\n"),
        key("x", "/p", "X-Forwarded-Proto: http\r\nForwarded: host=y\r\n")})
    EXPECT_NE(other, plain);
}

TEST(CacheRules, Vary) {
  const struct {
    const char *vary, *first, *second;
    bool same;
  } kCases[] = {
      {"X-A", "X-A: 1\r\n", "x-a:  1 \r\n", true},
      {"X-A", "X-A: 1\r\n", "X-A: 2\r\n", false},
      {"X-A", "", "X-A:\r\n", false},
      {"X-A", "X-A: 1\r\nX-A: 2\r\n", "X-A: 1, 2\r\n", true},
      {"X-A, X-B", "X-A: 1\r\n", "X-A: 1\r\nX-B: 1\r\n", false},
      {"Accept-Encoding", "Accept-Encoding: gzip, br\r\n", "Accept-Encoding: br;q=0.5,GZIP\r\n", true},
      {"Accept-Encoding", "Accept-Encoding: gzip\r\n", "Accept-Encoding: gzip;q=0\r\n", false},
      {"Accept-Encoding", "Accept-Encoding: gzip\r\n", "Accept-Encoding: gzip; q=0.000\r\n", false},
      {"Accept-Encoding", "Accept-Encoding: gzip\r\n", "Accept-Encoding: gzip, zstd\r\n", false},
      {"Accept-Encoding", "", "Accept-Encoding:\r\n", false},
  };
  for (const auto& one : kCases) {
    const Freshness f = freshness_of(request(one.first), head(one.first), 200,
                                     std::string("Cache-Control: max-age=60\r\nVary: ") + one.vary + "\r\n", kNow);
    ASSERT_TRUE(f.kept) << one.vary;
    EXPECT_TRUE(matches(f.vary, head(one.first)));
    EXPECT_EQ(matches(f.vary, head(one.second)), one.same) << one.first << one.second;
  }
}

std::shared_ptr<StoredResponse> stored_with(const std::string& lines, const std::string& body = "0123456789") {
  auto stored = stored_response(request(""), head(""), 200, kDate + "Cache-Control: max-age=60\r\n" + lines, 0, kNow);
  stored->body = std::make_shared<const std::string>(body);
  return stored;
}

TEST(StoredResponse, AnswersConditionsAndRanges) {
  const struct {
    const char *stored, *asked;
    int status;
    const char* body;
  } kCases[] = {
      {"ETag: \"a\"\r\n", "", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "If-None-Match: \"a\"\r\n", 304, ""},
      {"ETag: W/\"a\"\r\n", "If-None-Match: \"a\"\r\n", 304, ""},
      {"ETag: \"a\"\r\n", "If-None-Match: \"b\", W/\"a\"\r\n", 304, ""},
      {"ETag: \"a,b\"\r\n", "If-None-Match: \"a,b\"\r\n", 304, ""},
      {"ETag: \"a\"\r\n", "If-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n", 304, ""},
      {"ETag: \"a\"\r\n", "If-None-Match: \"b\"\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "If-None-Match: a\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "If-None-Match: *\r\n", 304, ""},
      {"", "If-None-Match: \"a\"\r\n", 200, "0123456789"},
      {"Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n", "If-Modified-Since: Mon, 30 Nov 2026 00:00:00 GMT\r\n", 304,
       ""},
      {"Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n", "If-Modified-Since: Sun, 29 Nov 2026 00:00:00 GMT\r\n", 200,
       "0123456789"},
      {"Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n", "If-Modified-Since: yesterday\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\nLast-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n",
       "If-None-Match: \"b\"\r\nIf-Modified-Since: Mon, 30 Nov 2026 00:00:00 GMT\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "Range: bytes=2-4\r\n", 206, "234"},
      {"ETag: \"a\"\r\n", "Range: bytes=8-\r\n", 206, "89"},
      {"ETag: \"a\"\r\n", "Range: bytes=-3\r\n", 206, "789"},
      {"ETag: \"a\"\r\n", "Range: bytes=-30\r\n", 206, "0123456789"},
      {"ETag: \"a\"\r\n", "Range: bytes=5-500\r\n", 206, "56789"},
      {"ETag: \"a\"\r\n", "Range: bytes=10-\r\n", 416, ""},
      {"ETag: \"a\"\r\n", "Range: bytes=-0\r\n", 416, ""},
      {"ETag: \"a\"\r\n", "Range: bytes=4-2\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "Range: bytes=0-1,3-4\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "Range: bytes=0-1\r\nRange: bytes=3-4\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "Range: bytes=99999999999999999999999-\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "Range: lines=0-1\r\n", 200, "0123456789"},
      {"ETag: W/\"a\"\r\n", "Range: bytes=0-1\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "Range: bytes=0-1\r\nIf-Range: \"a\"\r\n", 206, "01"},
      {"ETag: \"a\"\r\n", "Range: bytes=0-1\r\nIf-Range: \"b\"\r\n", 200, "0123456789"},
      {"ETag: \"a\"\r\n", "Range: bytes=0-1\r\nIf-Range: W/\"a\"\r\n", 200, "0123456789"},
      {"Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n",
       "Range: bytes=0-1\r\nIf-Range: Mon, 30 Nov 2026 00:00:00 GMT\r\n", 206, "01"},
      {"", "Range: bytes=0-1\r\nIf-Range: \"a\"\r\n", 200, "0123456789"},
  };
  for (const auto& one : kCases) {
    const auto stored = stored_with(one.stored);
    const StoredAnswer answer = answer_from(*stored, head(one.asked), "aotc-node; hit", 7 * kSecond);
    EXPECT_EQ(answer.head.substr(9, 3), std::to_string(one.status)) << one.stored << one.asked;
    EXPECT_EQ(stored->body->substr(answer.begin, answer.end - answer.begin), one.body) << one.stored << one.asked;
    EXPECT_NE(answer.head.find("\r\nAge: 7\r\n"), std::string::npos) << answer.head;
    const std::string length = "Content-Length: " + std::to_string(std::string(one.body).size()) + "\r\n";
    EXPECT_EQ(answer.head.find(length) != std::string::npos, one.status != 304) << answer.head;
  }
  const auto stored = stored_with("ETag: \"a\"\r\n");
  EXPECT_NE(answer_from(*stored, head("Range: bytes=2-4\r\n"), "", 0).head.find("Content-Range: bytes 2-4/10\r\n"),
            std::string::npos);
  EXPECT_NE(answer_from(*stored, head("Range: bytes=10-\r\n"), "", 0).head.find("Content-Range: bytes */10\r\n"),
            std::string::npos);
  EXPECT_EQ(answer_from(*stored, head("Range: bytes=2-4\r\n", "HEAD"), "", 0).head.substr(9, 3), "200")
      << "a range of HEAD";
}

TEST(StoredResponse, IsFreshThenStaleThenOver) {
  using Use = StoredResponse::Use;
  auto stored = stored_response(request(""), head(""), 200,
                                kDate + "Cache-Control: max-age=10, stale-while-revalidate=10, stale-if-error=30\r\n",
                                100 * kSecond, kNow);
  EXPECT_EQ(stored->use(109 * kSecond), Use::Fresh);
  EXPECT_EQ(stored->use(110 * kSecond), Use::WhileRevalidating);
  EXPECT_EQ(stored->use(119 * kSecond), Use::WhileRevalidating);
  EXPECT_EQ(stored->use(120 * kSecond), Use::IfError);
  EXPECT_EQ(stored->use(140 * kSecond), Use::None);
}

TEST(StoredResponse, IsFreshenedByWhatSaysSoOfIt) {
  const std::string anew = "Cache-Control: max-age=99\r\nX-A: new\r\nContent-Type: b\r\n";
  const struct {
    const char *stored, *asked, *said;
    bool freshened;
  } kCases[] = {
      {"ETag: \"a\"\r\n", "If-None-Match: \"a\"\r\n", "ETag: \"a\"\r\n", true},
      {"ETag: \"a\"\r\n", "If-None-Match: \"a\", \"b\"\r\n", "ETag: \"b\"\r\n", false},
      {"ETag: \"a\"\r\n", "If-None-Match: \"a\"\r\n", "", true},
      {"ETag: \"a\"\r\n", "If-None-Match: \"b\"\r\n", "", false},
      {"ETag: \"a\"\r\n", "If-Modified-Since: Mon, 30 Nov 2026 00:00:00 GMT\r\n", "", false},
      {"Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n", "If-Modified-Since: Mon, 30 Nov 2026 00:00:00 GMT\r\n", "",
       true},
      {"Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n", "If-Modified-Since: Tue, 01 Dec 2026 00:00:00 GMT\r\n", "",
       false},
      {"", "If-None-Match: \"a\"\r\n", "", false},
  };
  for (const auto& one : kCases) {
    const auto stored = stored_with(std::string(one.stored) + "X-A: old\r\nContent-Type: a\r\n");
    const auto now =
        freshened(*stored, request(one.asked), head(one.asked), kDate + one.said + anew, 50 * kSecond, kNow);
    ASSERT_EQ(now != nullptr, one.freshened) << one.stored << one.asked << one.said;
    if (now == nullptr) continue;
    EXPECT_EQ(now->ttl(50 * kSecond), 99);
    EXPECT_EQ(now->field("X-A"), "new");
    EXPECT_EQ(now->field("Content-Type"), "a");
    EXPECT_EQ(*now->body, "0123456789");
  }
}

TEST(Purge, IsAsked) {
  EXPECT_EQ(parse_purge("/purge?app=site")->app, "site");
  EXPECT_EQ(parse_purge("/purge?app=site&path=%2Fa%3Fb%3D1")->path, "/a?b=1");
  EXPECT_EQ(parse_purge("/purge?path=/a*&app=site")->path, "/a*");
  for (const char* wrong :
       {"/purge", "/purge?", "/purge?path=/a", "/purge?app=", "/purge?app=a&path=", "/purge?app=a&app=b",
        "/purge?app=a&x=1", "/purge?app=a&path=a", "/purge?app=a&path=/%2", "/purge?app=a&path=/%zz", "/purge?app=a&"})
    EXPECT_EQ(parse_purge(wrong).has_value(), std::string(wrong) == "/purge?app=a&") << wrong;
}

}  // namespace
