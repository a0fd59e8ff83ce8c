// options.h - what `aotc-node serve` was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "address.h"
#include "aotc/wasi.h"
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

// Folders of what the Go package edge tells an app's programs.
struct Values {
  std::string app, config, secrets;
};

// What an app's programs may connect to, each as support/outbound_rule.h has it.
struct Outbound {
  std::string app;
  std::string rule;     // of the allow-list; or
  std::string network;  // of private addresses that names may lead to
};

struct Options {
  std::string listen;
  std::string listen_tls;                 // the same with TLS
  std::vector<std::string> certificates;  // files, see certificates.h
  std::string admin;                      // where /metrics and /healthz are; empty: nowhere
  std::vector<App> apps;
  std::vector<Route> routes;
  std::vector<Secret> secrets;
  std::vector<Outbound> outbound;
  std::vector<Values> values;    // at most one for an app
  std::string kv;                // folder of the apps' key-value stores; empty: they have none
  uint64_t kv_size = 256 << 20;  // of each
  uint64_t workers = 0;          // threads of each tenant
  uint64_t loops = 0;            // threads of the front
  uint64_t deadline = 50'000'000;
  uint64_t timeout = 30'000'000'000;
  uint64_t grace_after = 50'000'000;
  uint64_t start_timeout = 60'000'000'000;
  uint64_t max_memory = 256 << 20;
  uint64_t tmp_size = AOTC_WASI_TMP_SIZE;
  uint64_t max_concurrency = 1000;
  uint64_t max_outbound = 1024;     // connections of an app's programs
  uint64_t max_instances = 10'000;  // of all apps
  uint64_t tenant_memory = 0;       // of an app's process; 0: what tenant_limits.h chooses
  uint64_t max_header = 1 << 20;    // http.DefaultMaxHeaderBytes
  uint64_t max_body = 64 << 20;
  uint64_t max_streams = 100;  // of HTTP/2, of a connection at a time
  uint64_t max_clients = 16384;
  uint64_t max_per_address = 0;  // 0: a part of max_clients
  std::vector<Network> shared_addresses, trusted_proxies;
  std::vector<Network> proxies;  // that speak the PROXY protocol
  std::string country_header;    // in which these say where a client is
  Pace::Limits pace = {1 << 10, 10'000'000'000};
  uint64_t idle_timeout = 60'000'000'000;
  uint64_t front_memory = 512 << 20;
  std::string reset = "best";
  uint64_t compare_sample = 10'000;  // one in so many instances
  uint64_t uid_base = 0;             // the first of the users that processes become; 0: not given
};

// Exits with a message on wrong words, or after --help.
Options parse_options(int argc, char** argv);

// Those of an app, or null.
const Values* values_of(const Options& options, const std::string& app);

// Whether its programs have anything of the broker.
bool has_outbound(const Options& options, const App& app);

// What is listened on, in the order in which the front gets the sockets.
struct ListenAddress {
  std::string address;
  enum class Kind { Apps, Tls, Admin } kind;
  uint64_t sockets;  // one for each loop from the first on
};
std::vector<ListenAddress> listen_addresses(const Options& options);
