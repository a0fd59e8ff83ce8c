// options.h - what `aotc-node serve` was asked for; passed on to the tenant processes word by word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct App {
  std::string name;
  std::string artifact;  // path
};

struct Route {
  std::string host;  // empty: any
  std::string path;  // a prefix that ends at a slash or at the end; empty: any
  std::string app;
};

struct Secret {
  std::string app, name, file;
};

struct Options {
  std::string listen;
  std::string admin;  // empty: /metrics and /healthz are on `listen`
  std::vector<App> apps;
  std::vector<Route> routes;
  std::vector<Secret> secrets;
  unsigned workers = 0;  // threads of each tenant
  uint64_t deadline = 50'000'000;
  uint64_t timeout = 30'000'000'000;
  uint64_t max_memory = 256 << 20;
  unsigned max_concurrency = 1000;
  uint64_t max_body = 64 << 20;
  std::string reset = "best";
  bool compare = false;
};

// Exits with a message on wrong words, or after --help.
Options parse_options(int argc, char** argv);

// A tenant process: `aotc-node --tenant NAME ARTIFACT WORKERS DEADLINE TIMEOUT MAX-MEMORY RESET COMPARE`, with one
// channel per worker from descriptor 3 on.
struct TenantOptions {
  std::string name, artifact, reset;
  unsigned workers;
  uint64_t deadline, timeout, max_memory;
  bool compare;
};
constexpr int kFirstChannel = 3;
std::vector<std::string> tenant_words(const Options& options, const App& app);
TenantOptions parse_tenant_words(char** words);
