// option_table.cpp - see option_table.h. How each value is read stands beside its row.
#include "option_table.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "registry/release_document.h"
#include "support/outbound_rule.h"
#include "support/remote_place.h"

namespace {

using enum OptionRow::Of;
using enum OptionRow::Times;
using enum OptionRow::Form;

constexpr uint64_t kMillisecond = 1'000'000, kSecond = 1000 * kMillisecond, kHour = 3600 * kSecond;

const std::string& required(const Setting& s) {
  if (s.value.empty()) throw SettingError(s.where + ": needs a value");
  return s.value;
}

// Names that can be part of a path of ours.
bool is_repository(const std::string& text) {
  for (char c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)) && std::strchr("/._-", c) == nullptr) return false;
  return !text.empty() && text.find("..") == std::string::npos && text.front() != '/';
}

}  // namespace

bool is_origin(const std::string& text) {
  std::string wrong;
  const auto rule = aotc::parse_outbound_rule(text, wrong);
  return rule && (text.starts_with("http://") || text.starts_with("https://")) && rule->port != 0 &&
         rule->methods.empty() && rule->host.find('*') == std::string::npos;
}

namespace {

void take_image(App& app, const Setting& s) {
  std::string error;
  auto reference = aotc::parse_reference(app.artifact, error);
  if (!reference || !is_repository(reference->repository)) throw SettingError(s, "not an image");
  app.pulled = true;
  app.pull.base = reference->base;
  app.pull.repository = reference->repository;
  if (app.pull.trust.repository.empty()) app.pull.trust.repository = reference->repository;
  app.pull.reference = reference->reference.empty() ? "latest" : reference->reference;
}

void take_artifact(App& app, const Setting& s) {
  app.artifact = required(s);
  if (is_origin(app.artifact)) return;  // of a server, behind handlers
  for (const char* scheme : {"oci://", "https://", "http://"})
    if (app.artifact.starts_with(scheme)) take_image(app, s);
}

void take_route(App& app, const Setting& s) {
  const std::string& pattern = required(s);
  size_t slash = pattern.find('/');
  Route route{pattern.substr(0, slash), slash == std::string::npos ? "" : pattern.substr(slash)};
  if (route.path == "/") route.path.clear();
  app.routes.push_back(route);
}

void take_match(std::vector<CanaryRules::Match>& matches, const Setting& s) {
  if (!aotc::is_match_name(s.key)) throw SettingError(s.where + ": not a name: " + s.key);
  matches.push_back({s.key, required(s)});
}

void take_sticky(App& app, const Setting& s) {
  using By = CanaryRules::By;
  const size_t colon = s.value.find(':');
  const std::string kind = s.value.substr(0, colon), name = colon == s.value.npos ? "" : s.value.substr(colon + 1);
  const bool named = kind == "cookie" || kind == "header";
  if (named ? !aotc::is_match_name(name) : s.value != "address")
    throw SettingError(s, "expected address, cookie:NAME or header:NAME");
  app.canary.by = kind == "cookie" ? By::Cookie : kind == "header" ? By::Header : By::Address;
  app.canary.by_name = name;
}

void take_health(App& app, const Setting& s) {
  for (const char c : s.value)
    if (c <= ' ' || c > '~' || c == '#') throw SettingError(s, "not a path");
  if (!s.value.starts_with('/')) throw SettingError(s, "not a path");
  app.health = s.value;
}

void take_signed_for(App& app, const Setting& s) {
  if (!is_repository(s.value)) throw SettingError(s, "not a repository");
  app.pull.trust.repository = s.value;
}

void take_network(std::vector<Network>& networks, const Setting& s) {
  std::optional<Network> network = parse_network(s.value);
  if (!network) throw SettingError(s, "not an address or network like 10.0.0.0/8");
  networks.push_back(*network);
}

// What is said wrongly may hold a password, and is not repeated.
void take_kv(Options& options, Served&, const Setting& s) {
  options.kv = required(s);
  if (!aotc::is_url(options.kv)) return;
  std::string wrong;
  const auto place = aotc::parse_remote_place(options.kv, wrong);
  if (!place || !place->redis)
    throw SettingError(s.where + ": expected a folder, or redis://[USER:@]HOST[:PORT][/DATABASE]");
  if (!place->password.empty()) throw SettingError(s.where + ": a password is in a file: --kv-password");
}

void take_rule(App& app, const Setting& s) {
  std::string wrong;
  if (!aotc::parse_outbound_rule(s.value, wrong)) throw SettingError(s, wrong);
  app.outbound.rules.push_back(s.value);
}

void take_backend(App& app, const Setting& s) {
  if (!is_origin(required(s))) throw SettingError(s, "not a server, http://HOST[:PORT] or https://HOST[:PORT]");
  app.backends.push_back({s.key, s.value});
  app.outbound.rules.push_back(s.value);
}

void take_compress_type(App& app, const Setting& s) {
  const size_t slash = s.value.find('/');
  for (char c : s.value)
    if (!std::isalnum(static_cast<unsigned char>(c)) && std::strchr("/*+.-_", c) == nullptr)
      throw SettingError(s, "not a type like text/html or text/*");
  if (slash == 0 || slash == std::string::npos || slash + 1 == s.value.size())
    throw SettingError(s, "not a type like text/html or text/*");
  app.compress.types.push_back(s.value);
}

void take_private(App& app, const Setting& s) {
  if (!aotc::parse_outbound_network(s.value)) throw SettingError(s, "not an address or network like 10.0.0.0/8");
  app.outbound.networks.push_back(s.value);
}

void take_realm(App& app, const Setting& s) {
  std::string wrong;
  std::optional<aotc::TokenRealm> realm = aotc::parse_token_realm(s.value, wrong);
  if (!realm) throw SettingError(s.where + ": " + wrong);
  app.pull.realms.push_back(*realm);
}

void take_reset(Options& o, Served&, const Setting& s) {
  for (const char* mode : {"best", "scan", "pagemap", "madvise", "remap"})
    if (s.value == mode) o.reset = mode;
  if (s.value != o.reset) throw SettingError(s, "expected best, scan, pagemap, madvise or remap");
}

// N of "1/N".
void take_sample(Options& o, Served&, const Setting& s) {
  if (!s.value.starts_with("1/")) throw SettingError(s, "expected 1/N");
  char expected[AOTC_QUANTITY_TEXT];
  const std::string n = s.value.substr(2);
  if (!aotc_read_quantity(n.c_str(), AOTC_COUNT, 1, 1'000'000'000, &o.compare_sample, expected))
    throw SettingError(s.where + ": 1/N: " + expected + ": " + n);
}

constexpr char kClients[] = "Clients", kCanary[] = "Canaries", kRegistry[] = "Apps from a registry";

constexpr OptionRow kRows[] = {
    {.name = "listen",
     .argument = "ADDR",
     .take_node = [](Options& o, Served&, const Setting& s) { o.listen = required(s); },
     .help = "127.0.0.1:8080, :8080, [::1]:8080"},
    {.name = "listen-tls",
     .argument = "ADDR",
     .take_node = [](Options& o, Served&, const Setting& s) { o.listen_tls = required(s); },
     .help = "the same with TLS 1.2 and 1.3; one of the two is enough"},
    {.name = "certificate",
     .argument = "FILE",
     .times = Many,
     .live = true,
     .take_node = [](Options&, Served& served, const Setting& s) { served.certificates.push_back(required(s)); },
     .help = "for --listen-tls, in PEM: the certificate, those that lead to its root, and its key, unless it is in "
             "FILE.key. FILE.ocsp, in DER, is stapled. Which one of several a client gets its server name says, the "
             "first if there is none for it. SIGHUP reads all of them again"},
    {.name = "app",
     .argument = "NAME=ARTIFACT",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .key = "artifact",
     .take_app = take_artifact,
     .help = "an app, of which there may be several: ARTIFACT is a file, or an image in a registry: "
             "oci://HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]. With commas between several of them all but the last are "
             "handlers of http-wasm, the apps NAME.1, NAME.2 and so on, each of which leaves requests to the next; the "
             "last may be a server, http://HOST[:PORT] or https://HOST[:PORT]"},
    {.name = "route",
     .argument = "PATTERN=NAME",
     .of = OptionRow::Of::OneApp,
     .times = Many,
     .form = AppLast,
     .routes = true,
     .take_app = take_route,
     .help = "requests for host HOST, path prefix /PATH or HOST/PATH go to app NAME; the longest path wins. Without "
             "routes: the app whose name is the host or its first label, or the first part of the path; all requests "
             "when there is one app only"},
    {.name = "secret-env",
     .argument = "APP:NAME=FILE",
     .of = OptionRow::Of::OneApp,
     .times = ByName,
     .form = AppFirst,
     .take_app = [](App& app, const Setting& s) { app.secrets.push_back({s.key, required(s)}); },
     .help = "the value, in FILE, of a variable that was withheld from the app's snapshot"},
    {.name = "config",
     .argument = "APP=DIR",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .take_app = [](App& app, const Setting& s) { app.values.config = required(s); },
     .help = "what edge.Config tells the app's programs: the files in DIR, by their names. SIGHUP reads them again"},
    {.name = "secrets",
     .argument = "APP=DIR",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .take_app = [](App& app, const Setting& s) { app.values.secrets = required(s); },
     .help = "likewise edge.Secret"},
    {.name = "allow",
     .argument = "APP=TARGET",
     .of = OptionRow::Of::OneApp,
     .times = Many,
     .form = AppFirst,
     .take_app = take_rule,
     .help = "what the app's programs may connect to: tcp://HOST:PORT, or http://HOST[:PORT] and https://HOST[:PORT], "
             "which may be followed by methods, like ,GET,POST. HOST is a name, *.NAME for all below it, or an "
             "address; PORT a number or *. Nothing else is allowed"},
    {.name = "backend",
     .argument = "APP:NAME=URL",
     .of = OptionRow::Of::OneApp,
     .times = ByName,
     .form = AppFirst,
     .take_app = take_backend,
     .help = "a server, http://HOST[:PORT] or https://HOST[:PORT], that the app's programs know as the backend NAME, "
             "and may connect to: those of Fastly Compute"},
    {.name = "allow-private",
     .argument = "APP=NETWORK",
     .of = OptionRow::Of::OneApp,
     .times = Many,
     .form = AppFirst,
     .take_app = take_private,
     .help = "private addresses that names may lead to, like 10.0.0.0/8. An address that is a HOST, and localhost, "
             "need none"},
    {.name = "max-outbound",
     .argument = "N",
     .of = EachApp,
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1'000'000,
     .in_app = [](App& app) { return &app.limits.max_outbound; },
     .help = "connections of an app's programs at the same time"},
    {.name = "max-outbound-bytes",
     .argument = "SIZE",
     .of = EachApp,
     .kind = AOTC_SIZE,
     .least = 1 << 10,
     .most = uint64_t{1} << 50,
     .in_app = [](App& app) { return &app.limits.max_outbound_bytes; },
     .help = "bytes of each of these connections, in both directions together: it fails after that"},
    {.name = "max-outbound-rate",
     .argument = "SIZE",
     .of = EachApp,
     .kind = AOTC_SIZE,
     .least = 1 << 10,
     .most = uint64_t{1} << 40,
     .in_app = [](App& app) { return &app.limits.max_outbound_rate; },
     .help = "bytes a second of all of them together: who has more waits"},
    {.name = "max-outbound-time",
     .argument = "DURATION",
     .of = EachApp,
     .kind = AOTC_DURATION,
     .least = kMillisecond,
     .most = 24 * kHour,
     .in_app = [](App& app) { return &app.limits.max_outbound_time; },
     .help = "how long each of them may be there, likewise. --timeout bounds the request that has it"},
    {.name = "kv",
     .argument = "DIR",
     .take_node = take_kv,
     .help =
         "where the key-value stores of all apps are, for edge.KV: a folder, or a server of Redis that nodes share, "
         "redis://[USER:@]HOST[:PORT][/DATABASE], with TLS rediss://"},
    {.name = "kv-password",
     .argument = "FILE",
     .take_node = [](Options& o, Served&, const Setting& s) { o.kv_password = required(s); },
     .help = "whose first line is the password of that server"},
    {.name = "kv-size",
     .argument = "SIZE",
     .kind = AOTC_SIZE,
     .least = 1 << 20,
     .most = 64ull << 30,
     .in_node = [](Options& o) { return &o.kv_size; },
     .help = "of each app's: puts beyond fail"},
    {.name = "admin",
     .argument = "ADDR",
     .take_node = [](Options& o, Served&, const Setting& s) { o.admin = required(s); },
     .help =
         "serve /metrics, /healthz, /readyz and /releases there, and nothing else; POST to /reload does what SIGHUP "
         "does, to "
         "/purge?app=APP empties its response cache, with &path=PATH of that path. Without it they are not served: on "
         "--listen every path is the apps'"},
    {.name = "workers",
     .argument = "N",
     .standard = "as many as there are processors",
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 256,
     .in_node = [](Options& o) { return &o.workers; },
     .help = "threads per app"},
    {.name = "loops",
     .argument = "N",
     .standard = "as many as --workers, and 8 at most",
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 16,
     .in_node = [](Options& o) { return &o.loops; },
     .help = "threads that speak with clients"},
    {.name = "deadline",
     .argument = "DURATION",
     .of = EachApp,
     .kind = AOTC_DURATION,
     .least = 1000,
     .most = kHour,
     .in_app = [](App& app) { return &app.limits.deadline; },
     .help = "how long a request may run: 504 after that"},
    {.name = "timeout",
     .argument = "DURATION",
     .of = EachApp,
     .kind = AOTC_DURATION,
     .least = kMillisecond,
     .most = 24 * kHour,
     .in_app = [](App& app) { return &app.limits.timeout; },
     .help = "how long a request may wait for anything but its client: 504 after that"},
    {.name = "grace-after",
     .argument = "DURATION",
     .of = EachApp,
     .kind = AOTC_DURATION,
     .least = 0,
     .most = 10 * kSecond,
     .in_app = [](App& app) { return &app.limits.grace_after; },
     .help = "how long a program may go on after its response, if it waits for a time within: to write out what it "
             "logs in the background, say. Its client has its response"},
    {.name = "tunnel-timeout",
     .argument = "DURATION",
     .of = EachApp,
     .kind = AOTC_DURATION,
     .least = kMillisecond,
     .most = 30 * 24 * kHour,
     .in_app = [](App& app) { return &app.limits.tunnel_timeout; },
     .help =
         "how long a WebSocket may last. --timeout is not for it, --deadline is for each time that its program runs"},
    {.name = "tunnel-idle",
     .argument = "DURATION",
     .of = EachApp,
     .kind = AOTC_DURATION,
     .least = kMillisecond,
     .most = 30 * 24 * kHour,
     .in_app = [](App& app) { return &app.limits.tunnel_idle; },
     .help = "how long nothing may come or go through a WebSocket, pings included"},
    {.name = "compress",
     .of = EachApp,
     .take_app = [](App& app, const Setting& s) { app.compress.on = s.value == "true"; },
     .help = "compress responses, by zstd or gzip, for clients that ask for it"},
    {.name = "compress-type",
     .argument = "TYPE",
     .of = EachApp,
     .times = Many,
     .take_app = take_compress_type,
     .help =
         "Content-Type of responses that are, like text/html or text/*. Without any: text/*, JSON, JavaScript, XML, "
         "WebAssembly, and what ends with +json or +xml"},
    {.name = "compress-min-size",
     .argument = "SIZE",
     .of = EachApp,
     .kind = AOTC_SIZE,
     .least = 0,
     .most = 1ull << 40,
     .in_app = [](App& app) { return &app.compress.least; },
     .help = "of a response whose length is known: smaller ones are not"},
    {.name = "response-cache",
     .argument = "APP=SIZE",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .standard = "nothing is kept",
     .kind = AOTC_SIZE,
     .least = 1 << 20,
     .most = 1ull << 40,
     .in_app = [](App& app) { return &app.response_cache; },
     .help = "memory for responses of this app that may be kept, as their Cache-Control says: who asks for the same "
             "gets them without a program running. Part of --front-memory, of which all together may have half"},
    {.name = "start-timeout",
     .argument = "DURATION",
     .of = EachApp,
     .kind = AOTC_DURATION,
     .least = kSecond,
     .most = kHour,
     .in_app = [](App& app) { return &app.limits.start_timeout; },
     .help = "how long an app's process may take until it is ready"},
    {.name = "health",
     .argument = "PATH",
     .of = EachApp,
     .routes = true,
     .take_app = take_health,
     .help =
         "asked of a new process of an app, in an instance of its own, before clients are led there: if the answer is "
         "not from 200 to 399 the process before it goes on, or the release before it"},
    {.name = "max-memory",
     .argument = "SIZE",
     .of = EachApp,
     .kind = AOTC_SIZE,
     .least = kLeastMemory,
     .most = 4ull << 30,
     .in_app = [](App& app) { return &app.limits.max_memory; },
     .help = "memory of an instance"},
    {.name = "tmp-size",
     .argument = "SIZE",
     .of = EachApp,
     .kind = AOTC_SIZE,
     .least = 0,
     .most = 4ull << 30,
     .in_app = [](App& app) { return &app.limits.tmp_size; },
     .help = "of a request's own directory /tmp, in memory besides: what does not fit fails with ENOSPC"},
    {.name = "tenant-memory",
     .argument = "SIZE",
     .of = EachApp,
     .standard = "three quarters of the machine's, shared out among the apps",
     .kind = AOTC_SIZE,
     .least = kOwnMemory + kLeastMemory,
     .most = 1ull << 50,
     .in_app = [](App& app) { return &app.limits.tenant_memory; },
     .help = "memory of an app's process, all of its instances included: requests that would need more get 503"},
    {.name = "max-instances",
     .argument = "N",
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1'000'000,
     .in_node = [](Options& o) { return &o.max_instances; },
     .help = "requests of all apps at the same time: 503 above"},
    {.name = "max-concurrency",
     .argument = "N",
     .of = EachApp,
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1'000'000,
     .in_app = [](App& app) { return &app.limits.max_concurrency; },
     .help = "requests of one app at the same time: 503 above"},
    {.name = "max-header",
     .argument = "SIZE",
     .kind = AOTC_SIZE,
     .least = 1 << 10,
     .most = 16 << 20,
     .in_node = [](Options& o) { return &o.max_header; },
     .help = "of a request: 431 above. The default is Go's"},
    {.name = "max-body",
     .argument = "SIZE",
     .kind = AOTC_SIZE,
     .least = 0,
     .most = 1ull << 40,
     .in_node = [](Options& o) { return &o.max_body; },
     .help = "of a request: 413 above"},
    {.name = "reset",
     .argument = "MODE",
     .take_node = take_reset,
     .help = "how instances are reset: best, scan, pagemap, madvise, remap"},
    {.name = "compare-sample",
     .argument = "1/N",
     .take_node = take_sample,
     .help = "compare one instance in N, chosen at random, with its image after a request (default 1/10000; N from 1 "
             "to 1000000000). A difference ends the app's process and is counted"},
    {.name = "uid-base",
     .argument = "N",
     .standard = "2000000000",
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1ull << 31,
     .in_node = [](Options& o) { return &o.uid_base; },
     .help = "when root starts it, its processes become users N, N+1, ...: the front, the pullers, the broker, then a "
             "user per app. Where these are not to be had they become nobody"},

    {.name = "max-clients",
     .argument = "N",
     .group = kClients,
     .standard = "16384, or what the limit on descriptors allows",
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1'000'000,
     .in_node = [](Options& o) { return &o.max_clients; },
     .help = "connections at the same time. For one more, those go that have been idle or slow for longest"},
    {.name = "max-streams",
     .argument = "N",
     .group = kClients,
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1000,
     .in_node = [](Options& o) { return &o.max_streams; },
     .help = "requests of a connection at the same time, by HTTP/2"},
    {.name = "max-per-address",
     .argument = "N",
     .group = kClients,
     .standard = "a 32nd of --max-clients",
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1'000'000,
     .in_node = [](Options& o) { return &o.max_per_address; },
     .help = "of one IPv4 address or IPv6 /64"},
    {.name = "max-handshakes",
     .argument = "N",
     .group = kClients,
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1'000'000,
     .in_node = [](Options& o) { return &o.max_handshakes; },
     .help = "of TLS a second, likewise, averaged over --grace: who begins one more is closed"},
    {.name = "shared-address",
     .argument = "NETWORK",
     .times = Many,
     .group = kClients,
     .take_node = [](Options& o, Served&, const Setting& s) { take_network(o.shared_addresses, s); },
     .help = "of proxies, load balancers or NAT, like 10.0.0.0/8: without these limits"},
    {.name = "trusted-proxies",
     .argument = "NETWORK",
     .times = Many,
     .group = kClients,
     .take_node = [](Options& o, Served&, const Setting& s) { take_network(o.trusted_proxies, s); },
     .help = "whose Forwarded and X-Forwarded-* fields are passed on, extended by the proxy's own address. Those of "
             "all others are replaced"},
    {.name = "proxy-protocol",
     .argument = "NETWORK",
     .times = Many,
     .group = kClients,
     .take_node = [](Options& o, Served&, const Setting& s) { take_network(o.proxies, s); },
     .help = "of proxies that say first on each connection whose it is, by the PROXY protocol, version 2: that is the "
             "client then, for limits, programs and logs. Those of others may not"},
    {.name = "country-header",
     .argument = "NAME",
     .group = kClients,
     .take_node = [](Options& o, Served&, const Setting& s) { o.country_header = required(s); },
     .help = "in which these proxies say in what country a client is, for edge.Request; dropped where others send it"},
    {.name = "min-rate",
     .argument = "SIZE",
     .group = kClients,
     .kind = AOTC_SIZE,
     .least = 1,
     .most = 1 << 30,
     .in_node = [](Options& o) { return &o.pace.rate; },
     .help = "bytes a second in which a client must send a request and take a response ..."},
    {.name = "grace",
     .argument = "DURATION",
     .group = kClients,
     .kind = AOTC_DURATION,
     .least = 100 * kMillisecond,
     .most = kHour,
     .in_node = [](Options& o) { return &o.pace.grace; },
     .help = "... averaged over this; while it has nothing to send or take it is not slow"},
    {.name = "idle-timeout",
     .argument = "DURATION",
     .group = kClients,
     .kind = AOTC_DURATION,
     .least = 100 * kMillisecond,
     .most = 24 * kHour,
     .in_node = [](Options& o) { return &o.idle_timeout; },
     .help = "how long a connection may wait for its next request"},
    {.name = "front-memory",
     .argument = "SIZE",
     .group = kClients,
     .kind = AOTC_SIZE,
     .least = 1 << 20,
     .most = 1ull << 40,
     .in_node = [](Options& o) { return &o.front_memory; },
     .help = "of all buffers for clients. Above, the slowest of those that hold most go"},

    {.name = "canary",
     .argument = "APP=ARTIFACT",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .group = kCanary,
     .routes = true,
     .take_app = [](App&, const Setting&) {},  // it has become an app, see settings.h
     .help = "another version of the app, for some of its requests, as the next options say: the app APP.canary, of "
             "which all holds that is said of APP. Requests that it cannot take, as long as it is not ready, the app "
             "itself has"},
    {.name = "canary-weight",
     .argument = "APP=PERCENT",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .group = kCanary,
     .routes = true,
     .kind = AOTC_PERCENT,
     .least = 0,
     .most = CanaryRules::kWhole,
     .in_app = [](App& app) { return &app.canary.weight; },
     .help =
         "of those who ask, who are told apart by --canary-sticky: who has it once has it again, and when it grows"},
    {.name = "canary-header",
     .argument = "APP:NAME=VALUE",
     .of = OptionRow::Of::OneApp,
     .times = ByName,
     .form = AppFirst,
     .group = kCanary,
     .routes = true,
     .take_app = [](App& app, const Setting& s) { take_match(app.canary.headers, s); },
     .help = "requests with this field have it, too"},
    {.name = "canary-cookie",
     .argument = "APP:NAME=VALUE",
     .of = OptionRow::Of::OneApp,
     .times = ByName,
     .form = AppFirst,
     .group = kCanary,
     .routes = true,
     .take_app = [](App& app, const Setting& s) { take_match(app.canary.cookies, s); },
     .help = "likewise with this cookie"},
    {.name = "canary-sticky",
     .argument = "APP=WHAT",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .group = kCanary,
     .routes = true,
     .take_app = take_sticky,
     .help = "who asks: address (the default), an IPv4 address or IPv6 /64, as a trusted proxy names it; or the value "
             "of the app's own cookie:NAME or header:NAME, where there is one. Who changes that may fall to the other "
             "version"},
    {.name = "canary-min-requests",
     .argument = "APP=N",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .group = kCanary,
     .routes = true,
     .kind = AOTC_COUNT,
     .least = 1,
     .most = 1'000'000,
     .in_app = [](App& app) { return &app.canary_limits.least_requests; },
     .help = "that it must have had before it is judged. A canary that does worse than the app gets no more requests, "
             "until SIGHUP or its next version"},
    {.name = "canary-max-errors",
     .argument = "APP=PERCENT",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .group = kCanary,
     .routes = true,
     .kind = AOTC_PERCENT,
     .least = 0,
     .most = CanaryRules::kWhole,
     .in_app = [](App& app) { return &app.canary_limits.more_errors; },
     .help =
         "by how many points the share of its requests that fail, or are answered with 500 and above, may be larger"},
    {.name = "canary-max-latency",
     .argument = "APP=PERCENT",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .group = kCanary,
     .routes = true,
     .kind = AOTC_PERCENT,
     .least = 0,
     .most = 100 * CanaryRules::kWhole,
     .in_app = [](App& app) { return &app.canary_limits.more_time; },
     .help = "by how much the time within which 95 % of its requests are answered may be longer; 5 ms are nothing"},
    {.name = "canary-key",
     .argument = "FILE",
     .group = kCanary,
     .take_node = [](Options& o, Served&, const Setting& s) { o.canary_key = required(s); },
     .help =
         "a secret, so that nobody can compute for whom the canary is; the same on all nodes of a fleet, which then "
         "say the same"},

    {.name = "trust",
     .argument = "FILE",
     .of = EachApp,
     .times = Many,
     .group = kRegistry,
     .take_app = [](App& app, const Setting& s) { app.pull.trust.keys.push_back(required(s)); },
     .help = "public key that images must be signed with; each of several is enough"},
    {.name = "insecure-unsigned",
     .of = EachApp,
     .group = kRegistry,
     .take_app = [](App& app, const Setting& s) { app.unsigned_too = s.value == "true"; },
     .help = "run what the registry sends, signed or not"},
    {.name = "signed-for",
     .argument = "NAME=REPO",
     .of = OptionRow::Of::OneApp,
     .form = AppFirst,
     .group = kRegistry,
     .take_app = take_signed_for,
     .help = "repository that the images of app NAME are signed for, if they were copied to another"},
    {.name = "poll",
     .argument = "DURATION",
     .of = EachApp,
     .group = kRegistry,
     .kind = AOTC_DURATION,
     .least = kMillisecond,
     .most = 24 * kHour,
     .in_app = [](App& app) { return &app.pull.poll; },
     .help = "how often to ask for a newer image"},
    {.name = "cache",
     .argument = "DIR",
     .group = kRegistry,
     .take_node = [](Options& o, Served&, const Setting& s) { o.cache = required(s); },
     .help = "where images are kept (default /var/cache/aotc-node)"},
    {.name = "token-file",
     .argument = "FILE",
     .of = EachApp,
     .group = kRegistry,
     .take_app = [](App& app, const Setting& s) { app.pull.token_file = required(s); },
     .help = "holds the registry's token; without it AOTC_TOKEN, or what `docker login` left"},
    {.name = "token-realm",
     .argument = "REGISTRY=REALM",
     .of = EachApp,
     .times = Many,
     .group = kRegistry,
     .take_app = take_realm,
     .help = "each HOST[:PORT]: the token for REGISTRY may be sent to REALM"},
};

}  // namespace

std::span<const OptionRow> option_table() { return kRows; }

const OptionRow* find_option(std::string_view name) {
  for (const OptionRow& row : kRows)
    if (name == row.name) return &row;
  return nullptr;
}

std::string standard_of(const OptionRow& row) {
  Options options;
  App app;
  if (*row.standard != 0 || !row.is_quantity()) return row.standard;
  char text[AOTC_QUANTITY_TEXT];
  aotc_show_quantity(row.kind, row.in_node != nullptr ? *row.in_node(options) : *row.in_app(app), text);
  return text;
}
