// process_words.cpp - see process_words.h.
#include "process_words.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

namespace {

// "KEY=VALUE", by one process of ours for another.
class Words {
 public:
  explicit Words(const char* process) : words_{"aotc-node", process} {}
  Words& add(const char* key, const std::string& value) {
    words_.push_back(std::string(key) + "=" + value);
    return *this;
  }
  Words& add(const char* key, uint64_t value) { return add(key, std::to_string(value)); }
  Words& add(const Trust& trust) {
    add("repository", trust.repository);
    for (const std::string& key : trust.keys) add("key", key);
    return *this;
  }
  std::vector<std::string> take() { return std::move(words_); }

 private:
  std::vector<std::string> words_;
};

class WordReader {
 public:
  explicit WordReader(char** words) {
    for (; *words != nullptr; ++words)
      if (const char* end = std::strchr(*words, '='))
        values_.emplace(std::string(*words, static_cast<size_t>(end - *words)), end + 1);
  }
  std::string text(const char* key) const {
    auto found = values_.find(key);
    return found == values_.end() ? "" : found->second;
  }
  uint64_t number(const char* key) const { return std::strtoull(text(key).c_str(), nullptr, 10); }
  std::vector<std::string> all(const char* key) const {
    std::vector<std::string> list;
    for (auto [at, end] = values_.equal_range(key); at != end; ++at) list.push_back(at->second);
    return list;
  }

 private:
  std::multimap<std::string, std::string> values_;
};

}  // namespace

std::vector<std::string> tenant_words(const Options& o, const App& app, const Release& release,
                                      const ObeyedLists& lists, const TenantPlace& place) {
  Words words("--tenant");
  words.add("user", place.user).add("name", app.name).add("artifact", app.artifact).add("workers", o.workers);
  words.add("loops", o.loops);
  words.add("deadline", app.limits.deadline)
      .add("timeout", app.limits.timeout)
      .add("grace-after", app.limits.grace_after)
      .add("max-memory", app.limits.max_memory)
      .add("tmp-size", app.limits.tmp_size)
      .add("reset", o.reset);
  words.add("compress", static_cast<uint64_t>(app.compress.on)).add("compress-min-size", app.compress.least);
  for (const std::string& type : app.compress.types) words.add("compress-type", type);
  words.add("compare-sample", o.compare_sample).add("memory", place.memory);
  words.add("outbound", static_cast<uint64_t>(place.outbound));
  words.add("next", app.next).add("next-is-app", static_cast<uint64_t>(app.next_is_app));
  for (const Backend& backend : app.backends) words.add("backend", backend.name + "=" + backend.url);
  if (place.grouped) words.add("group", kFirstChannel + o.workers * (o.loops + (place.outbound ? 1 : 0)));
  for (const Secret& secret : app.secrets) words.add("secret", secret.name + "=" + secret.file);
  words.add("config", app.values.config).add("secrets", app.values.secrets);
  if (app.pulled)
    words.add("folder", app.pull.folder)
        .add(app.pull.trust)
        .add("index", release.index)
        .add("statement", release.statement)
        .add("revocations", lists.own)
        .add("fleet-revocations", lists.fleet);
  return words.take();
}

TenantOptions parse_tenant_words(char** words) {
  const WordReader read(words);
  TenantOptions o{
      .name = read.text("name"),
      .artifact = read.text("artifact"),
      .reset = read.text("reset"),
      .workers = static_cast<unsigned>(read.number("workers")),
      .loops = std::max(1u, static_cast<unsigned>(read.number("loops"))),
      .user = static_cast<unsigned>(read.number("user")),
      .deadline = read.number("deadline"),
      .timeout = read.number("timeout"),
      .grace_after = read.number("grace-after"),
      .max_memory = read.number("max-memory"),
      .tmp_size = read.number("tmp-size"),
      .memory = read.number("memory"),
      .group = static_cast<int>(read.number("group")),
      .compare_sample = read.number("compare-sample"),
      .compress = {read.number("compress") != 0, read.all("compress-type"), read.number("compress-min-size")},
      .secrets = {},
      .backends = {},
      .values = {read.text("config"), read.text("secrets")},
      .edge_values = {},
      .next = read.text("next"),
      .next_is_app = read.number("next-is-app") != 0,
      .outbound = read.number("outbound") != 0,
      .folder = read.text("folder"),
      .trust = {read.text("repository"), read.all("key")},
      .release = {},
      .lists = {read.text("revocations"), read.text("fleet-revocations")}};
  o.release.index = read.text("index");
  o.release.statement = read.text("statement");
  for (const std::string& backend : read.all("backend")) {
    const size_t end = backend.find('=');
    o.backends.push_back({backend.substr(0, end), backend.substr(end + 1)});
  }
  for (const std::string& secret : read.all("secret")) {
    size_t end = secret.find('=');
    o.secrets.push_back({secret.substr(0, end), secret.substr(end + 1)});
  }
  return o;
}

std::vector<std::string> broker_words(const Options& o, const Served& served, unsigned user) {
  std::vector<std::string> words = {"aotc-broker", "user=" + std::to_string(user)};
  if (const char* certificates = std::getenv("SSL_CERT_FILE"))
    words.push_back(std::string("certificates=") + certificates);
  if (!o.kv.empty()) words.insert(words.end(), {"kv=" + o.kv, "kv-size=" + std::to_string(o.kv_size)});
  if (!o.kv_password.empty()) words.push_back("kv-password=" + o.kv_password);
  for (const App& app : served.apps)
    for (std::string& word : broker_words_of(app)) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> broker_words_of(const App& app) {
  std::vector<std::string> words = {"app=" + app.store(),
                                    "connections=" + std::to_string(app.limits.max_outbound),
                                    "bytes=" + std::to_string(app.limits.max_outbound_bytes),
                                    "rate=" + std::to_string(app.limits.max_outbound_rate),
                                    "time=" + std::to_string(app.limits.max_outbound_time),
                                    "counts=" + std::to_string(app.place)};
  for (const std::string& rule : app.outbound.rules) words.push_back("allow=" + rule);
  for (const std::string& network : app.outbound.networks) words.push_back("private=" + network);
  return words;
}

std::vector<std::string> pull_words(const PullOptions& o) {
  Words words("--pull");
  words.add("base", o.base).add("from", o.repository).add("reference", o.reference).add("folder", o.folder);
  for (const aotc::TokenRealm& one : o.realms) words.add("realm", one.registry + "=" + one.realm);
  words.add("poll", o.poll).add("token-file", o.token_file).add("user", o.user).add("announce", o.announce);
  words.add("canary", static_cast<uint64_t>(o.canary));
  words.add("known-index", o.known.index).add("known-statement", o.known.statement).add("failures", o.failures);
  return words.add(o.trust).take();
}

PullOptions parse_pull_words(char** words) {
  const WordReader read(words);
  Release known;
  known.index = read.text("known-index");
  known.statement = read.text("known-statement");
  PullOptions o{.base = read.text("base"),
                .repository = read.text("from"),
                .reference = read.text("reference"),
                .canary = read.number("canary") != 0,
                .folder = read.text("folder"),
                .trust = {read.text("repository"), read.all("key")},
                .poll = read.number("poll"),
                .token_file = read.text("token-file"),
                .realms = {},
                .user = static_cast<unsigned>(read.number("user")),
                .announce = read.number("announce") != 0,
                .known = known,
                .failures = static_cast<unsigned>(read.number("failures"))};
  std::string error;
  for (const std::string& realm : read.all("realm"))
    if (auto parsed = aotc::parse_token_realm(realm, error)) o.realms.push_back(*parsed);
  return o;
}
