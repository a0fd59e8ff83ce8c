// options.cpp - see options.h.
#include "options.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "aotc/program.h"
#include "support/outbound_rule.h"
#include "support/quantity.h"

namespace {

constexpr uint64_t kLeastMemory = 64 << 10;  // of an instance
constexpr uint64_t kOwnMemory = 32 << 20;    // of a tenant, besides its instances
constexpr uint64_t kUsualLoops = 8;          // at most: each has a channel to every worker

constexpr char kHelp[] =
    "usage: aotc-node serve --listen ADDR --app NAME=ARTIFACT [OPTION]...\n"
    "       aotc-node --print-sandbox[=PROCESS]    what its processes may do\n"
    "       aotc-node --version\n"
    "\n"
    "Serves requests of HTTP/1.1 and HTTP/2, each in a fresh instance of the Go program in ARTIFACT, made with\n"
    "`aotc compile`. The program listens on descriptor 3, or waits for stdin: then the request's body is its input, "
    "its\n"
    "output the response's body. With a snapshot an instance starts in microseconds. Each app has a process of its "
    "own,\n"
    "under seccomp.\n"
    "\n"
    "  --listen ADDR            127.0.0.1:8080, :8080, [::1]:8080\n"
    "  --listen-tls ADDR        the same with TLS 1.2 and 1.3; one of the two is enough\n"
    "  --certificate FILE       for --listen-tls, in PEM: the certificate, those that lead to its root, and its key, "
    "unless it is in\n"
    "                           FILE.key. FILE.ocsp, in DER, is stapled. May be repeated: which one a client gets its "
    "server\n"
    "                           name says, the first if there is none for it. SIGHUP reads all of them again\n"
    "  --app NAME=ARTIFACT      an app; may be repeated. ARTIFACT is a file, or an image in a registry:\n"
    "                           oci://HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]\n"
    "  --route PATTERN=NAME     requests for host HOST, path prefix /PATH or HOST/PATH go to app NAME; the longest "
    "path wins.\n"
    "                           Without routes: the app whose name is the host or its first label, or the first part "
    "of the\n"
    "                           path; all requests when there is one app only\n"
    "  --secret-env APP:NAME=FILE  the value, in FILE, of a variable that was withheld from the app's snapshot\n"
    "  --config APP=DIR         what edge.Config tells the app's programs: the files in DIR, by their names. SIGHUP "
    "reads "
    "them again\n"
    "  --secrets APP=DIR        likewise edge.Secret\n"
    "  --allow APP=TARGET       what the app's programs may connect to: tcp://HOST:PORT, or http://HOST[:PORT] and\n"
    "                           https://HOST[:PORT], which may be followed by methods, like ,GET,POST. HOST is a name, "
    "*.NAME\n"
    "                           for all below it, or an address; PORT a number or *. May be repeated; nothing else is "
    "allowed\n"
    "  --allow-private APP=NETWORK  private addresses that names may lead to, like 10.0.0.0/8; may be repeated. An "
    "address\n"
    "                           that is a HOST, and localhost, need none\n"
    "  --max-outbound N         connections of an app's programs at the same time (default 1024; from 1 to 1000000)\n"
    "  --kv DIR                 where the key-value stores of all apps are, for edge.KV\n"
    "  --kv-size SIZE           of each app's (default 256M; from 1M to 64G): puts beyond fail\n"
    "  --admin ADDR             serve /metrics and /healthz there, and nothing else; without it they are not served:\n"
    "                           on --listen every path is the apps'\n"
    "  --workers N              threads per app (default: as many as there are processors; from 1 to 256)\n"
    "  --loops N                threads that speak with clients (default: as many as --workers, and 8 at most; from 1 "
    "to 16)\n"
    "  --deadline DURATION      how long a request may run (default 50ms; from 1us to 1h): 504 after that\n"
    "  --timeout DURATION       how long a request may wait for anything but its client (default 30s; from 1ms to 1d): "
    "504\n"
    "  --grace-after DURATION   how long a program may go on after its response, if it waits for a time within "
    "(default "
    "50ms;\n"
    "                           from 0ns to 10s): to write out what it logs in the background, say. Its client has its "
    "response\n"
    "  --start-timeout DURATION how long an app's process may take until it is ready (default 60s; from 1s to 1h)\n"
    "  --max-memory SIZE        memory of an instance (default 256M; from 64K to 4G)\n"
    "  --tmp-size SIZE          of a request's own directory /tmp, in memory besides (default 64M; from 0 to 4G): what "
    "does\n"
    "                           not fit fails with ENOSPC\n"
    "  --tenant-memory SIZE     memory of an app's process, all of its instances included (default: three quarters of "
    "the\n"
    "                           machine's, shared out among the apps; from 32832K to 1024T): requests that would need "
    "more get 503\n"
    "  --max-instances N        requests of all apps at the same time (default 10000; from 1 to 1000000): 503 above\n"
    "  --max-concurrency N      requests of one app at the same time (default 1000; from 1 to 1000000): 503 above\n"
    "  --max-header SIZE        of a request (default 1M, as Go has it; from 1K to 16M): 431 above\n"
    "  --max-body SIZE          of a request (default 64M; from 0 to 1T): 413 above\n"
    "  --reset MODE             how instances are reset: best, scan, pagemap, madvise, remap\n"
    "  --compare-sample 1/N     compare one instance in N, chosen at random, with its image after a request (default\n"
    "                           1/10000; N from 1 to 1000000000). A difference ends the app's process and is counted\n"
    "  --uid-base N             when root starts it, its processes become users N, N+1, ...: the front, the pullers, "
    "then\n"
    "                           a user per app, and the broker (default 2000000000; from 1 to 2147483648; where these "
    "are not to be "
    "had, they\n"
    "                           become nobody)\n"
    "\n"
    "Clients:\n"
    "  --max-clients N          connections at the same time (default 16384, or what the limit on descriptors allows; "
    "from 1\n"
    "                           to 1000000). For one more, those go that have been idle or slow for longest\n"
    "  --max-streams N          requests of a connection at the same time, by HTTP/2 (default 100; from 1 to 1000)\n"
    "  --max-per-address N      of one IPv4 address or IPv6 /64 (default: a 32nd of --max-clients; from 1 to 1000000)\n"
    "  --shared-address NETWORK of proxies, load balancers or NAT, like 10.0.0.0/8: without that limit; may be "
    "repeated\n"
    "  --trusted-proxies NETWORK whose Forwarded and X-Forwarded-* fields are passed on, extended by the proxy's own\n"
    "                           address; may be repeated. Those of all others are replaced\n"
    "  --proxy-protocol NETWORK of proxies that say first on each connection whose it is, by the PROXY protocol, "
    "version 2:\n"
    "                           that is the client then, for limits, programs and logs; may be repeated. Those of "
    "others\n"
    "                           may not\n"
    "  --country-header NAME    in which these proxies say in what country a client is, for edge.Request; dropped "
    "where others\n"
    "                           send it\n"
    "  --min-rate SIZE          bytes a second in which a client must send a request and take a response (default 1K; "
    "from 1\n"
    "                           to 1G) ...\n"
    "  --grace DURATION         ... averaged over this (default 10s; from 100ms to 1h); while it has nothing to send "
    "or take\n"
    "                           it is not slow\n"
    "  --idle-timeout DURATION  how long a connection may wait for its next request (default 60s; from 100ms to 1d)\n"
    "  --front-memory SIZE      of all buffers for clients (default 512M; from 1M to 1T). Above, the slowest of those "
    "that\n"
    "                           hold most go\n"
    "\n"
    "Apps from a registry:\n"
    "  --trust FILE             public key that images must be signed with; each of several is enough\n"
    "  --insecure-unsigned      run what the registry sends, signed or not\n"
    "  --signed-for NAME=REPO   repository that the images of app NAME are signed for, if they were copied to another\n"
    "  --poll DURATION          how often to ask for a newer image (default 10s; from 1ms to 1d)\n"
    "  --cache DIR              where images are kept (default /var/cache/aotc-node)\n"
    "  --token-file FILE        holds the registry's token; without it AOTC_TOKEN, or what `docker login` left\n"
    "  --token-realm REGISTRY=REALM  each HOST[:PORT]: the token for REGISTRY may be sent to REALM; may be repeated\n"
    "\n"
    "SIGTERM: finish the requests that run, then exit. SIGHUP: load certificates and artifacts again, ask registries "
    "now;\n"
    "requests go to the new ones as soon as they are ready.\n"
    "\n"
    "Examples:\n"
    "  aotc-node serve --listen :8080 --app site=site.aotc\n"
    "  aotc-node serve --listen :8080 --app a=a.aotc --app b=b.aotc --route a.example/=a --route /b/=b --deadline "
    "100ms\n"
    "  aotc-node serve --listen :8080 --app site=oci://registry.example/acme/site:v1 --trust fleet.pub\n";

[[noreturn]] void usage(const std::string& what, const char* value) {
  std::fprintf(stderr, "aotc-node: %s: %s\n", what.c_str(), value);
  std::exit(2);
}

[[noreturn]] void show_help() {
  std::fputs(kHelp, stdout);
  std::exit(aotc_finish_stdout("aotc-node") ? 0 : 1);
}

constexpr uint64_t kMillisecond = 1'000'000, kSecond = 1000 * kMillisecond, kHour = 3600 * kSecond;

uint64_t quantity(const std::string& option, const char* text, aotc_quantity_kind kind, uint64_t least, uint64_t most) {
  char expected[AOTC_QUANTITY_TEXT];
  uint64_t value = 0;
  if (!aotc_read_quantity(text, kind, least, most, &value, expected)) usage(option + ": " + expected, text);
  return value;
}

// N of "1/N".
uint64_t parse_sample(const char* text) {
  if (std::strncmp(text, "1/", 2) != 0) usage("--compare-sample: expected 1/N", text);
  return quantity("--compare-sample: 1/N", text + 2, AOTC_COUNT, 1, 1'000'000'000);
}

// Left and right of the last '='.
std::pair<std::string, std::string> assignment(const char* option, const std::string& text) {
  size_t at = text.rfind('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) usage(option, text.c_str());
  return {text.substr(0, at), text.substr(at + 1)};
}

bool starts_with(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }

// Names that can be part of a path of ours.
bool is_repository(const std::string& text) {
  for (char c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)) && std::strchr("/._-", c) == nullptr) return false;
  return !text.empty() && text.find("..") == std::string::npos && text.front() != '/';
}

void parse_image(App& app) {
  std::string error;
  auto reference = aotc::parse_reference(app.artifact, error);
  if (!reference || !is_repository(reference->repository)) usage("--app: not an image", app.artifact.c_str());
  app.pulled = true;
  app.pull.base = reference->base;
  app.pull.repository = app.pull.trust.repository = reference->repository;
  app.pull.reference = reference->reference.empty() ? "latest" : reference->reference;
}

App parse_app(const std::string& text) {
  size_t at = text.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) usage("--app: expected NAME=ARTIFACT", text.c_str());
  App app{text.substr(0, at), text.substr(at + 1), false, {}};
  for (char c : app.name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_')
      usage("--app: not a name", app.name.c_str());
  for (const char* scheme : {"oci://", "https://", "http://"})
    if (starts_with(app.artifact, scheme)) parse_image(app);
  return app;
}

aotc::TokenRealm parse_realm(const std::string& text) {
  std::string wrong;
  std::optional<aotc::TokenRealm> realm = aotc::parse_token_realm(text, wrong);
  if (!realm) usage("--token-realm", wrong.c_str());
  return *realm;
}

Route parse_route(const std::string& text) {
  auto [pattern, app] = assignment("--route: expected PATTERN=NAME", text);
  size_t slash = pattern.find('/');
  Route route{pattern.substr(0, slash), slash == std::string::npos ? "" : pattern.substr(slash), app};
  if (route.path == "/") route.path.clear();
  return route;
}

Network network_of(const char* option, const std::string& text) {
  std::optional<Network> network = parse_network(text);
  if (!network) usage(std::string(option) + ": not an address or network like 10.0.0.0/8", text.c_str());
  return *network;
}

Secret parse_secret(const std::string& text) {
  size_t colon = text.find(':'), equals = text.find('=', colon == std::string::npos ? 0 : colon);
  if (colon == std::string::npos || equals == std::string::npos || colon == 0 || equals == colon + 1 ||
      equals + 1 == text.size())
    usage("--secret-env: expected APP:NAME=FILE", text.c_str());
  return {text.substr(0, colon), text.substr(colon + 1, equals - colon - 1), text.substr(equals + 1)};
}

// APP and what is behind the first '='.
std::pair<std::string, std::string> for_app(const char* option, const std::string& text) {
  size_t at = text.find('=');
  if (at == std::string::npos || at == 0) usage(option, text.c_str());
  return {text.substr(0, at), text.substr(at + 1)};
}

Outbound parse_allow(const std::string& text) {
  auto [app, rule] = for_app("--allow: expected APP=TARGET", text);
  std::string wrong;
  if (!aotc::parse_outbound_rule(rule, wrong)) usage("--allow: " + wrong, text.c_str());
  return {app, rule, ""};
}

Outbound parse_private(const std::string& text) {
  auto [app, network] = for_app("--allow-private: expected APP=NETWORK", text);
  if (!aotc::parse_outbound_network(network))
    usage("--allow-private: not an address or network like 10.0.0.0/8", network.c_str());
  return {app, "", network};
}

void take_folder(Options& o, const char* option, std::string Values::* folder, const std::string& text) {
  auto [app, path] = for_app((std::string(option) + ": expected APP=DIR").c_str(), text);
  auto found = std::find_if(o.values.begin(), o.values.end(), [&](const Values& values) { return values.app == app; });
  if (found == o.values.end()) found = o.values.insert(found, {app, "", ""});
  if (path.empty()) usage(std::string(option) + ": expected APP=DIR", text.c_str());
  if (!((*found).*folder).empty()) usage(std::string(option) + ": given twice for app", app.c_str());
  (*found).*folder = path;
}

// What is said on the command line. The rest of what is shared by all apps from a registry ends up in each of them.
struct Given {
  Options options;
  Trust trust;
  PullOptions shared;
  bool unsigned_too = false;
  std::vector<std::pair<std::string, std::string>> signed_for;

  void take(const std::string& name, const char* value);
  void complete();
  void complete_pulls();
};

struct Quantity {
  const char* name;
  aotc_quantity_kind kind;
  uint64_t least, most;
  uint64_t* (*place)(Given& g);
};
constexpr Quantity kQuantities[] = {
    {"--workers", AOTC_COUNT, 1, 256, [](Given& g) { return &g.options.workers; }},
    {"--loops", AOTC_COUNT, 1, 16, [](Given& g) { return &g.options.loops; }},
    {"--deadline", AOTC_DURATION, 1000, kHour, [](Given& g) { return &g.options.deadline; }},
    {"--timeout", AOTC_DURATION, kMillisecond, 24 * kHour, [](Given& g) { return &g.options.timeout; }},
    {"--grace-after", AOTC_DURATION, 0, 10 * kSecond, [](Given& g) { return &g.options.grace_after; }},
    {"--start-timeout", AOTC_DURATION, kSecond, kHour, [](Given& g) { return &g.options.start_timeout; }},
    {"--max-memory", AOTC_SIZE, kLeastMemory, 4ull << 30, [](Given& g) { return &g.options.max_memory; }},
    {"--tmp-size", AOTC_SIZE, 0, 4ull << 30, [](Given& g) { return &g.options.tmp_size; }},
    {"--tenant-memory", AOTC_SIZE, kOwnMemory + kLeastMemory, 1ull << 50,
     [](Given& g) { return &g.options.tenant_memory; }},
    {"--max-instances", AOTC_COUNT, 1, 1'000'000, [](Given& g) { return &g.options.max_instances; }},
    {"--kv-size", AOTC_SIZE, 1 << 20, 64ull << 30, [](Given& g) { return &g.options.kv_size; }},
    {"--max-header", AOTC_SIZE, 1 << 10, 16 << 20, [](Given& g) { return &g.options.max_header; }},
    {"--max-body", AOTC_SIZE, 0, 1ull << 40, [](Given& g) { return &g.options.max_body; }},
    {"--max-outbound", AOTC_COUNT, 1, 1'000'000, [](Given& g) { return &g.options.max_outbound; }},
    {"--max-concurrency", AOTC_COUNT, 1, 1'000'000, [](Given& g) { return &g.options.max_concurrency; }},
    {"--uid-base", AOTC_COUNT, 1, 1ull << 31, [](Given& g) { return &g.options.uid_base; }},
    {"--max-streams", AOTC_COUNT, 1, 1000, [](Given& g) { return &g.options.max_streams; }},
    {"--max-clients", AOTC_COUNT, 1, 1'000'000, [](Given& g) { return &g.options.max_clients; }},
    {"--max-per-address", AOTC_COUNT, 1, 1'000'000, [](Given& g) { return &g.options.max_per_address; }},
    {"--min-rate", AOTC_SIZE, 1, 1 << 30, [](Given& g) { return &g.options.pace.rate; }},
    {"--grace", AOTC_DURATION, 100 * kMillisecond, kHour, [](Given& g) { return &g.options.pace.grace; }},
    {"--idle-timeout", AOTC_DURATION, 100 * kMillisecond, 24 * kHour, [](Given& g) { return &g.options.idle_timeout; }},
    {"--front-memory", AOTC_SIZE, 1 << 20, 1ull << 40, [](Given& g) { return &g.options.front_memory; }},
    {"--poll", AOTC_DURATION, kMillisecond, 24 * kHour, [](Given& g) { return &g.shared.poll; }},
};

struct Text {
  const char* name;
  void (*take)(Given& g, const char* value);
};
constexpr Text kTexts[] = {
    {"--listen", [](Given& g, const char* value) { g.options.listen = value; }},
    {"--listen-tls", [](Given& g, const char* value) { g.options.listen_tls = value; }},
    {"--certificate", [](Given& g, const char* value) { g.options.certificates.push_back(value); }},
    {"--admin", [](Given& g, const char* value) { g.options.admin = value; }},
    {"--app", [](Given& g, const char* value) { g.options.apps.push_back(parse_app(value)); }},
    {"--route", [](Given& g, const char* value) { g.options.routes.push_back(parse_route(value)); }},
    {"--secret-env", [](Given& g, const char* value) { g.options.secrets.push_back(parse_secret(value)); }},
    {"--config", [](Given& g, const char* value) { take_folder(g.options, "--config", &Values::config, value); }},
    {"--secrets", [](Given& g, const char* value) { take_folder(g.options, "--secrets", &Values::secrets, value); }},
    {"--allow", [](Given& g, const char* value) { g.options.outbound.push_back(parse_allow(value)); }},
    {"--allow-private", [](Given& g, const char* value) { g.options.outbound.push_back(parse_private(value)); }},
    {"--shared-address",
     [](Given& g, const char* value) { g.options.shared_addresses.push_back(network_of("--shared-address", value)); }},
    {"--trusted-proxies",
     [](Given& g, const char* value) { g.options.trusted_proxies.push_back(network_of("--trusted-proxies", value)); }},
    {"--proxy-protocol",
     [](Given& g, const char* value) { g.options.proxies.push_back(network_of("--proxy-protocol", value)); }},
    {"--kv", [](Given& g, const char* value) { g.options.kv = value; }},
    {"--country-header", [](Given& g, const char* value) { g.options.country_header = value; }},
    {"--reset", [](Given& g, const char* value) { g.options.reset = value; }},
    {"--compare-sample", [](Given& g, const char* value) { g.options.compare_sample = parse_sample(value); }},
    {"--trust", [](Given& g, const char* value) { g.trust.keys.push_back(value); }},
    {"--signed-for",
     [](Given& g, const char* value) {
       g.signed_for.push_back(assignment("--signed-for: expected NAME=REPOSITORY", value));
     }},
    {"--cache", [](Given& g, const char* value) { g.shared.folder = value; }},
    {"--token-file", [](Given& g, const char* value) { g.shared.token_file = value; }},
    {"--token-realm", [](Given& g, const char* value) { g.shared.realms.push_back(parse_realm(value)); }},
};

void Given::take(const std::string& name, const char* value) {
  for (const Quantity& known : kQuantities)
    if (name == known.name) {
      *known.place(*this) = quantity(name, value, known.kind, known.least, known.most);
      return;
    }
  for (const Text& known : kTexts)
    if (name == known.name) return known.take(*this, value);
  usage("unknown option", name.c_str());
}

// What all pulled apps share; their folders are apart.
void Given::complete_pulls() {
  for (App& app : options.apps) {
    if (!app.pulled) continue;
    if (trust.keys.empty() && !unsigned_too)
      usage("needs --trust, or --insecure-unsigned to run whatever the registry sends", app.artifact.c_str());
    app.pull.trust.keys = trust.keys;
    app.pull.poll = shared.poll;
    app.pull.token_file = shared.token_file;
    app.pull.realms = shared.realms;
    for (const auto& [name, repository] : signed_for)
      if (name == app.name) app.pull.trust.repository = repository;
    std::string folder = app.pull.trust.repository + ":" + app.pull.reference;
    for (char& c : folder)
      if (c == '/') c = '+';
    app.pull.folder = shared.folder + "/" + folder;
  }
  for (const App& app : options.apps)
    for (const App& other : options.apps)
      if (&app != &other && app.pulled && app.pull.folder == other.pull.folder)
        usage("two apps have the same image", app.artifact.c_str());
  for (const auto& [name, repository] : signed_for) {
    bool known = false;
    for (const App& app : options.apps) known |= app.pulled && app.name == name;
    if (!known) usage("--signed-for: no app from a registry is called", name.c_str());
    if (!is_repository(repository)) usage("--signed-for: not a repository", repository.c_str());
  }
}

void Given::complete() {
  const Options& o = options;
  if (o.loops == 0) options.loops = std::min(o.workers, kUsualLoops);
  if (o.tenant_memory != 0 && o.tenant_memory < o.max_memory + kOwnMemory)
    usage("--tenant-memory: must be at least --max-memory and 32M", std::to_string(o.tenant_memory).c_str());
  if (o.listen.empty() && o.listen_tls.empty()) usage("missing option", "--listen");
  if (!o.listen_tls.empty() && o.certificates.empty()) usage("--listen-tls needs", "--certificate");
  if (o.apps.empty()) usage("missing option", "--app");
  for (size_t i = 0; i < o.apps.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      if (o.apps[i].name == o.apps[k].name) usage("two apps have the same name", o.apps[i].name.c_str());
  complete_pulls();
  for (const Outbound& outbound : o.outbound)
    if (std::none_of(o.apps.begin(), o.apps.end(), [&](const App& app) { return app.name == outbound.app; }))
      usage(outbound.rule.empty() ? "--allow-private: no app is called" : "--allow: no app is called",
            outbound.app.c_str());
  for (const Values& values : o.values)
    if (std::none_of(o.apps.begin(), o.apps.end(), [&](const App& app) { return app.name == values.app; }))
      usage(values.config.empty() ? "--secrets: no app is called" : "--config: no app is called", values.app.c_str());
  for (const Route& route : o.routes) {
    bool known = false;
    for (const App& app : o.apps) known |= app.name == route.app;
    if (!known) usage("--route: no app is called", route.app.c_str());
  }
}

}  // namespace

Options parse_options(int argc, char** argv) {
  if (argc < 2 || std::strcmp(argv[1], "serve") != 0) {
    bool help = argc >= 2 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0);
    if (help) show_help();
    std::fputs(kHelp, stderr);
    std::exit(2);
  }
  Given given;
  given.options.workers = std::max(1u, std::thread::hardware_concurrency());
  given.shared.folder = "/var/cache/aotc-node";
  for (int i = 2; i < argc; ++i) {
    std::string name = argv[i];
    if (name == "--help" || name == "-h") show_help();
    if (name == "--insecure-unsigned") {
      given.unsigned_too = true;
      continue;
    }
    size_t equals = name.find('=');
    const char* value = equals != std::string::npos ? argv[i] + equals + 1 : i + 1 < argc ? argv[++i] : nullptr;
    name = name.substr(0, equals);
    if (value == nullptr) usage("needs a value", name.c_str());
    given.take(name, value);
  }
  given.complete();
  return given.options;
}

const Values* values_of(const Options& options, const std::string& app) {
  for (const Values& values : options.values)
    if (values.app == app) return &values;
  return nullptr;
}

bool has_outbound(const Options& options, const App& app) {
  if (!options.kv.empty()) return true;
  return std::any_of(options.outbound.begin(), options.outbound.end(),
                     [&](const Outbound& outbound) { return outbound.app == app.name && !outbound.rule.empty(); });
}

std::vector<ListenAddress> listen_addresses(const Options& o) {
  using Kind = ListenAddress::Kind;
  std::vector<ListenAddress> addresses;
  if (!o.listen.empty()) addresses.push_back({o.listen, Kind::Apps, o.loops});
  if (!o.listen_tls.empty()) addresses.push_back({o.listen_tls, Kind::Tls, o.loops});
  if (!o.admin.empty()) addresses.push_back({o.admin, Kind::Admin, 1});
  return addresses;
}
