// pull.cpp - see pull.h.
#include "pull.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <vector>

#include "image_cache.h"
#include "registry/digest.h"
#include "registry/find_statement.h"
#include "registry/signed_text.h"
#include "revoked.h"
#include "sandbox/sandbox.h"

namespace {

constexpr unsigned kLongestPull = 1800;  // seconds; then the process ends, and the front starts another
constexpr double kLongestBackoff = 300;  // seconds, or the time between polls if that is longer
constexpr unsigned kThorough = 10;       // of so many times once a newer statement for the same image is looked for
// What the C library's resolver reads, and where bundles of certificates are.
constexpr const char* kReadable[] = {"/etc/resolv.conf",
                                     "/etc/hosts",
                                     "/etc/nsswitch.conf",
                                     "/etc/host.conf",
                                     "/etc/gai.conf",
                                     "/etc/services",
                                     "/run/systemd/resolve",
                                     "/run/resolvconf",
                                     "/run/NetworkManager",
                                     "/etc/ssl/certs/ca-certificates.crt",
                                     "/etc/pki/tls/certs/ca-bundle.crt",
                                     "/etc/ssl/cert.pem"};
constexpr size_t kMemory = 512 << 20, kMaxToken = 4096;

class Puller {
 public:
  explicit Puller(const PullOptions& options)
      : options_(options), cache_(options.folder), failures_(std::min(options.failures, 16u)) {}

  // What is in files, while there are any. What cannot be read is said, and is a failure like any other.
  bool prepare(std::string& error) {
    return read_credentials(error) && read_trust(options_.trust, trust_, error) && cache_.make(options_.user, error);
  }

  // Whether names of files are needed later: by the resolver and for certificates, which both know only names.
  bool confine(std::string& error) {
    std::vector<const char*> read(std::begin(kReadable), std::end(kReadable));
    if (const char* bundle = std::getenv("SSL_CERT_FILE")) read.push_back(bundle);
    read.push_back(nullptr);
    const char* written[] = {options_.folder.c_str(), nullptr};
    aotc_grants grants = {};
    grants.memory = kMemory;
    grants.parent = getppid();
    grants.uid = grants.gid = options_.user;
    grants.read = read.data();
    grants.write = written;
    const char* failed = aotc_sandbox_enter(AOTC_PULLER, &grants);
    if (failed != nullptr) error = std::string("cannot confine the puller: ") + failed + ": " + std::strerror(errno);
    return failed == nullptr;
  }

  // One thorough look and some ordinary ones; then it ends, for the next one.
  void run() {
    std::string error;
    if (!cache_.open(error)) return fail(error);
    open_ = true;
    newest_ = options_.known;
    good_ = cache_.state().good;
    if (!obey(error)) failed("in the cache: " + error);
    for (unsigned asked = 0; asked < kThorough && !now_; ++asked) {
      alarm(kLongestPull);
      bool done = pull(/*thorough=*/asked == 0, error);
      alarm(0);
      if (!done) return fail(error);
      failures_ = 0;
      if (!wait(until_next())) return;
    }
  }

  // Says why, and waits before another one tries again.
  void fail(const std::string& reason) {
    failed(reason);
    wait(delay_);
  }

 private:
  void report(const std::string& line) {
    if (send(STDOUT_FILENO, (line + "\n").data(), line.size() + 1, MSG_NOSIGNAL) < 0) std::exit(0);
  }

  void failed(const std::string& reason) {
    double exponential = options_.poll / 1e9 * static_cast<double>(1u << std::min(failures_, 16u));
    delay_ = std::min(exponential, std::max(kLongestBackoff, options_.poll / 1e9)) * jitter(0.5, 1.0);
    ++failures_;
    report("failed " + std::to_string(static_cast<uint64_t>(delay_ * 1000)) + "ms " + on_one_line(reason));
  }

  static std::string on_one_line(const std::string& reason) {
    std::string line = reason.substr(0, 500);
    std::replace_if(line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, ' ');
    return line;
  }

  // So that nodes that were started together do not ask together.
  static double jitter(double low, double high) {
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    return low + (high - low) * random / UINT32_MAX;
  }

  // Reads the lists in the cache, and says what they name. Nothing else is said or pulled before that was done once.
  bool obey(std::string& error) {
    const ObeyedLists lists = this->lists();
    ImageFiles files(cache_.folder());
    obeys_ = revoked_.read(files, trust_, lists, error);
    if (!obeys_) return false;
    report("obey " + list_words(lists));
    if (lists != ObeyedLists())
      for (const Release& release : {newest_, good_, cache_.state().newest}) report_if_revoked(files, release);
    if (options_.announce && !announced_) announce_cached();
    return true;
  }

  // Nobody can sign what an app that needs no signature must obey.
  ObeyedLists lists() const { return trust_.needs_signature ? cache_.state().lists : ObeyedLists(); }

  // What is known of the release is enough, be it expired or damaged; but what cannot be told is not against it.
  std::optional<Revocation> revocation_of(ImageFiles& files, const Release& release) const {
    std::string ignored;
    aotc::SignedRelease facts{release.index, release.sequence, ""};
    if (release.empty()) return std::nullopt;
    if (auto documents = read_documents(files, trust_, release, /*at_any_time=*/true, ignored))
      if (auto all = facts_of(files, *documents, ignored)) facts = *all;
    return revoked_.find(facts);
  }

  bool report_if_revoked(ImageFiles& files, const Release& release) {
    std::optional<Revocation> found = revocation_of(files, release);
    if (found) report("revoked " + revoked_words(release.index, *found));
    return found.has_value();
  }

  // Lists that the registry has under their own tag; one that is not newer than what was seen, or not ours, is not
  // obeyed.
  bool take_revocations(aotc::RegistryClient& client, std::string& error) {
    if (!trust_.needs_signature) return true;
    std::optional<aotc::FoundRevocations> found = aotc::find_revocations(client, seen_lists_, error);
    if (!found) return false;
    if (found->manifest != seen_lists_) {
      ImageCache::State state = cache_.state();
      bool news = false;
      for (const std::string& text : found->texts) news |= take_list(text, state);
      if ((news || !obeys_) && (!cache_.write_state(state, error) || !obey(error))) return false;
      seen_lists_ = found->manifest;
    }
    if (!obeys_) error = "its revocations, which it must obey, are damaged in the cache and not to be had";
    return obeys_;
  }

  // Whether it is one to be obeyed that was not there.
  bool take_list(const std::string& text, ImageCache::State& state) {
    std::string error, digest = aotc::sha256(text);
    auto list = aotc::verify_revocations(trust_.keys, text, trust_.repository, error);
    auto refuse = [&](const std::string& reason) { return report("refused " + on_one_line(reason)), false; };
    if (!list) return refuse(error);
    uint64_t& seen = list->is_for_fleet() ? state.fleet_sequence : state.own_sequence;
    std::string& known = list->is_for_fleet() ? state.lists.fleet : state.lists.own;
    if (digest == known && obeys_) return false;
    if (digest != known && list->sequence <= seen)
      return refuse("its sequence is " + std::to_string(list->sequence) + ", but " + std::to_string(seen) +
                    " was seen before");
    if (!cache_.put(digest, text, error)) return refuse(error);
    seen = list->sequence;
    known = digest;
    return true;
  }

  // What can run before the registry was asked, or without it. Damaged, expired and revoked releases are dropped.
  void announce_cached() {
    ImageCache::State state = cache_.state();
    for (auto [name, release] : {std::pair{"good", &state.good}, {"newest", &state.newest}}) {
      ImageFiles files(cache_.folder());
      if (revocation_of(files, *release)) *release = {};  // it was said
      if (release->empty()) continue;
      std::string error;
      std::optional<OpenImage> image = open_image(files, trust_, *release, lists(), error);
      if (!image) {
        failed("in the cache: " + error);
        *release = {};
        continue;
      }
      release->sequence = image->statement.sequence;
      release->expires = image->statement.expires;
      report(std::string(name) + " " + release_words(*release));
    }
    newest_ = state.newest;
    good_ = state.good;
    announced_ = true;
    report("announced");
  }

  bool read_credentials(std::string& error) {
    std::string token;
    if (!options_.token_file.empty()) {
      std::string text;
      if (!read_file(options_.token_file, kMaxToken, text, error)) return false;
      std::vector<std::string> words = split_words(text);
      if (words.size() != 1) return error = options_.token_file + ": not a token", false;
      token = words.front();
    } else if (const char* given = std::getenv("AOTC_TOKEN")) {
      token = given;
    }
    login_ = token.empty() ? aotc::docker_credentials(options_.base) : "token:" + token;
    return true;
  }

  // Seconds; together with all others where a document says when.
  double until_next() const {
    const double poll = options_.poll / 1e9 * jitter(0.9, 1.1);
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (switch_at_ == 0) return poll;
    const double left =
        static_cast<double>(switch_at_) - static_cast<double>(now.tv_sec) - static_cast<double>(now.tv_nsec) / 1e9;
    return std::min(poll, std::max(left, 0.0));
  }

  bool fetch(aotc::RegistryClient& client, const aotc::Descriptor& blob, std::string& error) {
    if (cache_.has(blob)) return true;
    return cache_.put(blob.digest, [&](const ImageCache::Sink& sink) { return client.blob(blob, sink, error); }, error);
  }

  // Asks for the tag; a thorough pull looks at all that is known of its image again, too.
  bool pull(bool thorough, std::string& error) {
    error.clear();
    switch_at_ = 0;
    aotc::RegistryClient client(options_.base, options_.repository, login_, options_.realms);
    if (!take_revocations(client, error)) return false;
    return options_.follows() ? follow(client, thorough, error)
                              : pull(client, options_.reference, thorough, /*ahead=*/false, error);
  }

  // What the release document says; ahead of its time only the images are fetched.
  bool follow(aotc::RegistryClient& client, bool thorough, std::string& error) {
    std::optional<aotc::ReleaseDocument> document = take_document(client, error);
    if (!document) return false;
    const std::string& index = options_.canary ? document->canary : document->stable;
    if (document->from > static_cast<uint64_t>(std::time(nullptr))) {
      switch_at_ = document->from;
      return index.empty() || pull(client, index, thorough, /*ahead=*/true, error);
    }
    if (!options_.canary && document->sequence != told_) report("document " + document_words(*document));
    told_ = document->sequence;
    if (!index.empty()) return pull(client, index, thorough, /*ahead=*/false, error);
    report("none " + std::to_string(document->sequence));
    if (newest_.empty()) return true;
    newest_ = {};
    ImageCache::State state = cache_.state();
    state.newest = state.good = good_ = {};
    return cache_.write_state(state, error);
  }

  // None that is older than what was seen, and no other with the same sequence.
  std::optional<aotc::ReleaseDocument> take_document(aotc::RegistryClient& client, std::string& error) {
    std::optional<std::string> text = aotc::find_release(client, error);
    if (!text) return std::nullopt;
    if (text->empty()) return error = "the repository has no release document", std::nullopt;
    auto document = aotc::verify_release(trust_.keys, *text, options_.trust.repository, error);
    if (!document) return std::nullopt;
    // Others may have signed it, too.
    const std::string digest = aotc::sha256(std::string(aotc::split_signatures(*text)->head));
    ImageCache::State state = cache_.state();
    if (document->sequence < state.sequence)
      return error = "release " + std::to_string(document->sequence) + ", but " + std::to_string(state.sequence) +
                     " was seen before",
             std::nullopt;
    if (document->sequence == state.sequence && state.sequence_index == digest) return document;
    if (document->sequence == state.sequence)
      return error = "release " + std::to_string(document->sequence) + " was seen with another text", std::nullopt;
    state.sequence = document->sequence;
    state.sequence_index = digest;
    if (!cache_.write_state(state, error)) return std::nullopt;
    return document;
  }

  bool pull(aotc::RegistryClient& client, const std::string& reference, bool thorough, bool ahead, std::string& error) {
    std::optional<aotc::Manifest> index = client.manifest(reference, error);
    if (!index) return false;
    auto now = static_cast<uint64_t>(std::time(nullptr));
    if (ahead && index->digest == ahead_) return report("same"), true;
    bool fresh = !trust_.needs_signature || now < newest_.expires - (newest_.expires - issued_) / 2;
    if (!thorough && index->digest == newest_.index && fresh) return report("same"), true;
    if (!thorough && index->digest == refused_) return report("same"), true;

    Release release{index->digest, "", 0, 0};
    ImageCache::State state = cache_.state();
    if (trust_.needs_signature) {
      // Of images a document names any.
      const uint64_t least = options_.follows() ? 0 : state.sequence;
      aotc::Expectation expected{options_.trust.repository, index->digest, now, least};
      std::optional<aotc::FoundStatement> found = aotc::find_statement(client, trust_.keys, expected, error);
      if (!found) return false;
      release.statement = aotc::sha256(found->text);
      release.sequence = found->statement.sequence;
      release.expires = found->statement.expires;
      if (!ahead) issued_ = found->statement.issued;
      if (!options_.follows() && release.sequence == state.sequence && state.sequence_index != "-" &&
          state.sequence_index != index->digest)
        return error = "sequence " + std::to_string(release.sequence) + " was seen with another image", false;
      if (!options_.follows() && release.sequence > state.sequence) {
        state.sequence = release.sequence;
        state.sequence_index = index->digest;
        if (!cache_.write_state(state, error)) return false;
      }
      if (!cache_.put(release.statement, found->text, error)) return false;
    }
    std::optional<aotc::Descriptor> entry = choose_manifest(*index, error);
    if (!entry) return false;
    std::optional<aotc::Manifest> manifest = client.manifest(entry->digest, error);
    if (!manifest) return false;
    std::optional<ImageLayers> layers = image_layers(*manifest, error);
    if (!layers || !cache_.put(index->digest, index->bytes, error) ||
        !cache_.put(entry->digest, manifest->bytes, error) ||
        (manifest->config && !fetch(client, *manifest->config, error)))
      return false;
    ImageFiles files(cache_.folder());
    if (!ahead && report_if_revoked(files, release)) return refused_ = index->digest, report("same"), true;
    if (!fetch(client, layers->artifact, error) || (layers->snapshot && !fetch(client, *layers->snapshot, error)))
      return false;
    if (ahead) return ahead_ = index->digest, report("same"), true;
    bool same = release.is(newest_) && release.statement == newest_.statement;
    newest_ = release;
    if (same) return report("same"), true;
    state.newest = release;
    state.good = good_;
    if (!cache_.write_state(state, error)) return false;
    report("newest " + release_words(release));
    return true;
  }

  // False when the front is gone.
  bool wait(double seconds) {
    timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!now_) {
      timespec t;
      clock_gettime(CLOCK_MONOTONIC, &t);
      double left =
          seconds - static_cast<double>(t.tv_sec - start.tv_sec) - static_cast<double>(t.tv_nsec - start.tv_nsec) / 1e9;
      if (left <= 0) return true;
      pollfd p = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      int ready = ::poll(&p, 1, static_cast<int>(std::min(left * 1000 + 1, 1e9)));
      if (ready > 0 && !receive()) return false;
    }
    return true;
  }

  bool receive() {
    char piece[4096];
    ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
    if (n <= 0) return n < 0 && errno == EINTR;
    heard_.append(piece, static_cast<size_t>(n));
    for (size_t end; (end = heard_.find('\n')) != std::string::npos; heard_.erase(0, end + 1)) {
      std::string line = heard_.substr(0, end), error;
      if (line == "now") now_ = true;
      Release good;
      if (!open_ || line.rfind("good ", 0) != 0 || !parse_release_words(line.substr(5), good)) continue;
      if (good.is(good_) && good.statement == good_.statement) continue;
      good_ = good;
      ImageFiles files(cache_.folder());
      if (obeys_) report_if_revoked(files, good_);
      ImageCache::State state = cache_.state();
      state.newest = newest_;
      state.good = good_;
      if (cache_.write_state(state, error))
        cache_.sweep();
      else
        failed(error);
    }
    return true;
  }

  const PullOptions options_;
  TrustRoot trust_;
  std::string login_;
  ImageCache cache_;
  Release newest_, good_;
  uint64_t issued_ = 0;
  unsigned failures_;
  double delay_ = 0;
  bool now_ = false, open_ = false, announced_ = false;
  Revoked revoked_;
  bool obeys_ = false;      // what the cache has of lists
  std::string seen_lists_;  // the manifest that names them
  std::string refused_;     // index of a release that the tag names and that is revoked
  uint64_t switch_at_ = 0;  // when the next document takes effect
  uint64_t told_ = 0;       // sequence of the document that the front knows
  std::string ahead_;       // index whose image was fetched for that
  std::string heard_;
};

}  // namespace

std::string release_words(const Release& release) {
  return release.index + " " + (release.statement.empty() ? "-" : release.statement) + " " +
         std::to_string(release.sequence) + " " + std::to_string(release.expires);
}

bool parse_release_words(const std::string& text, Release& release) {
  std::vector<std::string> words = split_words(text);
  Release read;
  if (words.size() != 4 || !aotc::is_digest(words[0]) || (words[1] != "-" && !aotc::is_digest(words[1])) ||
      !parse_number(words[2], read.sequence) || !parse_number(words[3], read.expires))
    return false;
  read.index = words[0];
  if (words[1] != "-") read.statement = words[1];
  release = read;
  return true;
}

std::string document_words(const aotc::ReleaseDocument& document) {
  std::string text = std::to_string(document.sequence) + " " + std::to_string(document.weight) + " " + document.stable +
                     " " + (document.canary.empty() ? "-" : document.canary);
  for (const auto& [name, value] : document.headers) text += " header:" + name + "=" + value;
  for (const auto& [name, value] : document.cookies) text += " cookie:" + name + "=" + value;
  return text;
}

bool parse_document_words(const std::string& text, aotc::ReleaseDocument& document) {
  const std::vector<std::string> words = split_words(text);
  if (words.size() < 4 || !parse_number(words[0], document.sequence) || !parse_number(words[1], document.weight) ||
      document.weight > aotc::kWholeWeight || !aotc::is_digest(words[2]) ||
      (words[3] != "-" && !aotc::is_digest(words[3])))
    return false;
  document.stable = words[2];
  if (words[3] != "-") document.canary = words[3];
  for (size_t i = 4; i < words.size(); ++i) {
    const size_t colon = words[i].find(':'), equals = std::min(words[i].find('='), words[i].size());
    const std::string kind = words[i].substr(0, colon);
    if ((kind != "header" && kind != "cookie") || equals <= colon) return false;
    const std::string name = words[i].substr(colon + 1, equals - colon - 1),
                      value = words[i].substr(std::min(equals + 1, words[i].size()));
    if (!aotc::is_match_name(name) || !aotc::is_match_value(value)) return false;
    (kind == "header" ? document.headers : document.cookies)[name] = value;
  }
  return true;
}

int run_puller(const PullOptions& options) {
  Puller puller(options);
  std::string unprepared, error;
  bool prepared = puller.prepare(unprepared);
  if (!puller.confine(error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  if (prepared)
    puller.run();
  else
    puller.fail(unprepared);
  return 0;
}
