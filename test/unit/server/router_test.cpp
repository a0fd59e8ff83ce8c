// router_test.cpp - who may ask for what, and what is answered where there is nothing, without a socket.
#include <fstream>

#include "house.h"
#include "http/router.h"
#include "jobs/job_queue.h"
#include "metrics.h"
#include "oci/upload_sessions.h"

namespace aotc::server {
namespace {

class RouterTest : public House {
 protected:
  void SetUp() override {
    House::SetUp();
    auto hash = [](const char* token) { return sha256(token).substr(7); };
    std::ofstream(folder + "/tokens") << R"({"tenants":{"t":{"tokens":[{"sha256":")" << hash("reader")
                                      << R"(","roles":["pull"]},{"sha256":")" << hash("writer")
                                      << R"(","roles":["push"]}]}},"operators":[{"sha256":")" << hash("operator")
                                      << "\"}]}";
    tenants = std::make_unique<Tenants>(folder + "/tokens");
    ASSERT_EQ(text_of(tenants->load()), "success");
    JobLimits limits;
    limits.workers = 0;
    queue = std::make_unique<JobQueue>(*store, *catalog, *tenants, counters, limits, folder + "/work");
    service.reset(new Service{*store, *catalog, *tenants, *queue, counters, *revocations, uploads});
  }

  void TearDown() override {
    queue.reset();
    House::TearDown();
  }

  static Request make(const std::string& method, const std::string& path, const std::string& token) {
    Request request;
    request.method = method;
    request.path = path;
    if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
    return request;
  }

  // Of reader, writer, operator and nobody those who are let in, as "rwon".
  std::string who(const std::string& method, const std::string& path) {
    std::string in;
    for (const char* token : {"reader", "writer", "operator", ""}) {
      Request request = make(method, path, token);
      if (!admit(*service, request)) in += *token ? *token : 'n';
    }
    return in;
  }

  Response ask(const std::string& method, const std::string& path) {
    Request request = make(method, path, "");
    request.caller = {"t", kPull | kPush | kOperator};
    return route(*service, request);
  }

  Counters counters;
  UploadSessions uploads{UploadLimits()};
  std::unique_ptr<Tenants> tenants;
  std::unique_ptr<JobQueue> queue;
  std::unique_ptr<Service> service;
};

TEST_F(RouterTest, TheMethodSaysWhoMayButForWhatIsEverybodysOrTheOperators) {
  for (const char* path : {"/v1/compile", "/v1/jobs/1", "/v1/modules", "/v1/pins", "/v1/openapi.json", "/v2", "/v2/",
                           "/v2/_catalog", "/v2/t/app/blobs/x", "/v2/t/app/manifests/x", "/", "/nothing"}) {
    EXPECT_EQ(who("GET", path), "ro") << path;
    EXPECT_EQ(who("HEAD", path), "ro") << path;
    EXPECT_EQ(who("DELETE", path), "wo") << path;
    EXPECT_EQ(who("POST", path), "w") << path;
    EXPECT_EQ(who("PUT", path), "w") << path;
    EXPECT_EQ(who("PATCH", path), "w") << path;
  }
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE"}) {
    for (const char* path : {"/metrics", "/v1/stats"}) EXPECT_EQ(who(method, path), "o") << method << path;
    for (const char* path : {"/healthz", "/readyz"}) EXPECT_EQ(who(method, path), "rwon") << method << path;
  }
}

TEST_F(RouterTest, WhatAPathDoesNotTakeIsAnsweredWithWhatItTakes) {
  auto allowed = [&](const std::string& method, const std::string& path) -> std::string {
    Response response = ask(method, path);
    for (const auto& [name, value] : response.headers)
      if (response.status == 405 && name == "Allow") return value;
    return std::to_string(response.status);
  };
  EXPECT_EQ(allowed("GET", "/v1/compile"), "POST");
  EXPECT_EQ(allowed("POST", "/v1/jobs/1"), "GET, HEAD, DELETE");
  EXPECT_EQ(allowed("POST", "/v1/pins"), "GET, HEAD, PUT, DELETE");
  for (const char* path :
       {"/v1/jobs", "/v1/modules", "/v1/stats", "/v1/openapi.json", "/metrics", "/healthz", "/readyz"})
    EXPECT_EQ(allowed("DELETE", path), "GET, HEAD") << path;
  EXPECT_EQ(allowed("PUT", "/v2/t/app/blobs/x"), "GET, HEAD, DELETE");
  EXPECT_EQ(allowed("POST", "/v2/t/app/manifests/x"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allowed("DELETE", "/v2/t/app/blobs/uploads/"), "POST");
  EXPECT_EQ(allowed("POST", "/v2/t/app/blobs/uploads/x"), "GET, HEAD, PATCH, PUT, DELETE");
  EXPECT_EQ(allowed("PUT", "/v2/t/app/referrers/x"), "GET, HEAD");
  for (const char* path : {"/", "/v1", "/v1/compile/", "/v1/pins/x", "/v1/*", "/healthz/", "/v3"})
    EXPECT_EQ(allowed("GET", path), "404") << path;
  EXPECT_EQ(allowed("GET", "/v1/jobs/"), "404");
  EXPECT_EQ(allowed("GET", "/healthz"), "200");
  EXPECT_EQ(allowed("HEAD", "/readyz"), "200");
  EXPECT_EQ(allowed("GET", "/v2/"), "200");
  EXPECT_EQ(allowed("GET", "/v1/modules"), "200");
}

TEST_F(RouterTest, OnlyLookUpsAreQuick) {
  auto quick = [](const std::string& method, const std::string& path) { return is_quick(make(method, path, "")); };
  for (const char* path : {"/healthz", "/v2/t/app/blobs/x", "/v2/t/app/manifests/x"}) {
    EXPECT_TRUE(quick("GET", path)) << path;
    EXPECT_TRUE(quick("HEAD", path)) << path;
    EXPECT_FALSE(quick("DELETE", path)) << path;
  }
  for (const char* path : {"/readyz", "/metrics", "/v1/jobs/1", "/v2/t/app/tags/list", "/v2/_catalog",
                           "/v2/t/app/blobs/uploads/x", "/nothing"})
    EXPECT_FALSE(quick("GET", path)) << path;
}

}  // namespace
}  // namespace aotc::server
