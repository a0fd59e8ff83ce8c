// options.h - what `aotc-node serve` was asked for; passed on to the tenant processes word by word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "address.h"
#include "image_cache.h"
#include "pace.h"

// How an app's image comes from a registry.
struct PullOptions {
  std::string base, repository, reference;  // "https://host:port", "tenant/app", tag or digest
  std::string folder;                       // of the cache
  Trust trust;
  uint64_t poll = 10'000'000'000;
  std::string token_file;
  std::vector<aotc::TokenRealm> realms;
  // Of a puller's process:
  unsigned user = 0;     // whom it becomes, when root starts it
  bool announce = true;  // what is in the cache
  Release known;         // the newest that was found before
  unsigned failures = 0;
};

struct App {
  std::string name;
  std::string artifact;  // path, or the image's name
  bool pulled = false;
  PullOptions pull;
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
  std::string admin;  // where /metrics and /healthz are; empty: nowhere
  std::vector<App> apps;
  std::vector<Route> routes;
  std::vector<Secret> secrets;
  unsigned workers = 0;  // threads of each tenant
  uint64_t deadline = 50'000'000;
  uint64_t timeout = 30'000'000'000;
  uint64_t start_timeout = 60'000'000'000;
  uint64_t max_memory = 256 << 20;
  unsigned max_concurrency = 1000;
  unsigned max_instances = 10'000;  // of all apps
  uint64_t tenant_memory = 0;       // of an app's process; 0: what tenant_limits.h chooses
  uint64_t max_body = 64 << 20;
  size_t max_clients = 16384;
  size_t max_per_address = 0;  // 0: a part of max_clients
  std::vector<Network> shared_addresses;
  Pace::Limits pace = {1 << 10, 10'000'000'000};
  uint64_t idle_timeout = 60'000'000'000;
  uint64_t front_memory = 512 << 20;
  std::string reset = "best";
  uint64_t compare_sample = 10'000;  // one in so many instances
  unsigned uid_base = 0;             // the first of the users that processes become; 0: not given
};

// Exits with a message on wrong words, or after --help.
Options parse_options(int argc, char** argv);

// What is listened on, in the order in which the front gets the sockets.
struct ListenAddress {
  std::string address;
  bool admin;  // instead of the apps
};
std::vector<ListenAddress> listen_addresses(const Options& options);

// A tenant process: `aotc-node --tenant KEY=VALUE...`, with one channel per worker from descriptor 3 on, and if it is
// `grouped` then the one by which it joins its control group. Its words hold nothing of other apps.
struct TenantOptions {
  std::string name, artifact, reset;
  unsigned workers, user;
  uint64_t deadline, timeout, max_memory;
  uint64_t memory;  // of the process
  int group;        // descriptor by which it joins its control group, or 0
  uint64_t compare_sample;
  std::vector<Secret> secrets;
  std::string folder;  // of images; "": the artifact is a file
  Trust trust;
  Release release;
  ObeyedLists lists;
};
constexpr int kFirstChannel = 3;
// What a tenant's process is given by the supervisor.
struct TenantPlace {
  unsigned user;
  uint64_t memory;
  bool grouped;
};
std::vector<std::string> tenant_words(const Options& options, const App& app, const Release& release,
                                      const ObeyedLists& lists, const TenantPlace& place);
TenantOptions parse_tenant_words(char** words);

// A puller: `aotc-node --pull KEY=VALUE...`.
std::vector<std::string> pull_words(const PullOptions& options);
PullOptions parse_pull_words(char** words);
