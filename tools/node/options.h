// options.h - what `aotc-node serve` was asked for, by its command line or a file (settings.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "address.h"
#include "aotc/wasi.h"
#include "canary.h"
#include "canary_watch.h"
#include "compressor.h"
#include "image_cache.h"
#include "pace.h"
#include "registry/release_document.h"
#include "settings.h"

// How an app's image comes from a registry.
struct PullOptions {
  std::string base, repository, reference;  // "https://host:port", "tenant/app", tag or digest
  bool canary = false;                      // of a release document: its canary, not its stable image
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

  // A release document says what runs.
  bool follows() const { return reference == aotc::kReleaseTag; }
};

constexpr uint64_t kLeastMemory = 64 << 10;  // of an instance
constexpr uint64_t kOwnMemory = 32 << 20;    // of a tenant, besides its instances

struct AppLimits {
  uint64_t deadline = 50'000'000;
  uint64_t timeout = 30'000'000'000;
  uint64_t grace_after = 50'000'000;
  uint64_t tunnel_timeout = 24 * 3'600'000'000'000;
  uint64_t tunnel_idle = 300'000'000'000;
  uint64_t start_timeout = 60'000'000'000;
  uint64_t max_memory = 256 << 20;
  uint64_t tmp_size = AOTC_WASI_TMP_SIZE;
  uint64_t tenant_memory = 0;  // of its process; 0: what tenant_limits.h chooses
  uint64_t max_concurrency = 1000;
  uint64_t max_outbound = 1024;  // connections of its programs; of each bytes, both ways, and nanoseconds
  uint64_t max_outbound_bytes = uint64_t{1} << 30, max_outbound_time = 3600'000'000'000;
  uint64_t max_outbound_rate = uint64_t{1} << 30;  // bytes a second of all together
};

// A variable that was withheld from the app's snapshot, and the file that holds its value.
struct Secret {
  std::string name, file;
};

// Folders of what the Go package edge tells an app's programs.
struct Values {
  std::string config, secrets;
  bool empty() const { return config.empty() && secrets.empty(); }
};

// A server that programs of Fastly Compute know by a name.
struct Backend {
  std::string name;
  std::string url;
};

// What an app's programs may connect to, each as support/outbound_rule.h has it.
struct Outbound {
  std::vector<std::string> rules;     // of the allow-list
  std::vector<std::string> networks;  // of private addresses that names may lead to
};

struct Route {
  std::string host;  // empty: any
  std::string path;  // a prefix that ends at a slash or at the end; empty: any
};

struct App {
  std::string name;
  std::string artifact;  // path, or the image's name
  uint32_t place = 0;    // a number that stays the app's, whatever others come and go
  bool pulled = false;
  PullOptions pull;
  bool unsigned_too = false;
  AppLimits limits;
  uint64_t response_cache = 0;  // bytes; 0: nothing is kept
  CompressRules compress;       // of a chain: those of the first handler
  std::vector<Route> routes;
  std::string health;  // path; empty: its processes are not asked before clients are led to them
  std::vector<Secret> secrets;
  Outbound outbound;
  std::vector<Backend> backends;  // whose URLs are among the rules of that, too
  Values values;
  std::string canary_of;  // the app whose canary it is; empty: it is none
  CanaryRules canary;     // of an app that has one:
  CanaryLimits canary_limits;
  std::optional<uint32_t> canary_place;  // the place of that
  std::string site;  // by which requests find it: its name, or that of the app before which it is the first handler
  std::string next;  // what a handler leaves requests to: an app's name, or an origin; empty: nothing
  bool next_is_app = false;
  std::string said;  // all settings that its processes go by: two that say the same are the same

  // By which it can be asked for.
  std::string host() const;
  // Whose key-value store it has.
  const std::string& store() const { return canary_of.empty() ? name : canary_of; }
};

// What can change while the node serves: it is replaced as a whole.
struct Served {
  std::vector<App> apps;
  std::vector<std::string> certificates;  // files, see certificates.h

  // The app that a request is for, or null.
  const App* find(const std::string& host, const std::string& target) const;
  const App* by_name(std::string_view name) const;
  const App* by_site(std::string_view site) const;
  const App* by_place(uint32_t place) const;
};

struct Options {
  std::shared_ptr<const Served> served;
  std::string listen;
  std::string listen_tls;        // the same with TLS
  std::string admin;             // where /metrics, /healthz and others are; empty: nowhere
  std::string kv;                // folder or URL of the apps' key-value stores; empty: they have none
  std::string kv_password;       // file
  std::string canary_key;        // file; once the front has read it, what is in it
  uint64_t kv_size = 256 << 20;  // of each
  std::string cache = "/var/cache/aotc-node";
  uint64_t workers = 0;             // threads of each tenant
  uint64_t loops = 0;               // threads of the front
  uint64_t max_instances = 10'000;  // of all apps
  uint64_t max_header = 1 << 20;    // http.DefaultMaxHeaderBytes
  uint64_t max_body = 64 << 20;
  uint64_t max_streams = 100;  // of HTTP/2, of a connection at a time
  uint64_t max_clients = 16384;
  uint64_t max_per_address = 0;  // 0: a part of max_clients
  uint64_t max_handshakes = 50;  // a second, of an address
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

// Throws SettingError.
Options options_of(const std::vector<Setting>& settings);

// Whether the programs of the app have anything of the broker.
bool has_outbound(const Options& options, const App& app);

// What is listened on, in the order in which the front gets the sockets.
struct ListenAddress {
  std::string address;
  enum class Kind { Apps, Tls, Admin } kind;
  uint64_t sockets;  // one for each loop from the first on
};
std::vector<ListenAddress> listen_addresses(const Options& options);
