// pull.cpp - see pull.h.
#include "pull.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "aotc/digest.h"
#include "image_cache.h"

namespace {

constexpr unsigned kLongestPull = 1800;  // seconds; then the process ends, and the front starts another
constexpr double kLongestBackoff = 300;  // seconds, or the time between polls if that is longer
constexpr unsigned kThorough = 10;       // of so many times once a newer statement for the same image is looked for
constexpr size_t kMemory = 512 << 20, kMaxToken = 4096;

class Puller {
 public:
  Puller(const PullOptions& options) : options_(options), cache_(options.folder) {}

  int run() {
    std::string error;
    while (!cache_.open(error)) {
      failed(error);
      if (!wait(delay_)) return 0;
    }
    announce_cached();
    unsigned asked = 0;
    for (bool thorough = true;;) {
      alarm(kLongestPull);
      bool done = pull(thorough, error);
      alarm(0);
      if (!done) failed(error);
      if (done) failures_ = 0;
      thorough = !done || ++asked % kThorough == 0;
      if (!wait(done ? options_.poll / 1e9 * jitter(0.9, 1.1) : delay_)) return 0;
      thorough |= now_;
      now_ = false;
    }
  }

 private:
  void say(const std::string& line) {
    if (send(STDOUT_FILENO, (line + "\n").data(), line.size() + 1, MSG_NOSIGNAL) < 0) std::exit(0);
  }

  void failed(const std::string& reason) {
    double exponential = options_.poll / 1e9 * static_cast<double>(1u << std::min(failures_, 16u));
    delay_ = std::min(exponential, std::max(kLongestBackoff, options_.poll / 1e9)) * jitter(0.5, 1.0);
    ++failures_;
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.1f", delay_);
    std::string line = "failed " + std::string(seconds) + " " + reason.substr(0, 500);
    std::replace_if(line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, ' ');
    say(line);
  }

  // So that nodes that were started together do not ask together.
  static double jitter(double low, double high) {
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    return low + (high - low) * random / UINT32_MAX;
  }

  // What can run before the registry was asked, or without it. Damaged and expired releases are dropped.
  void announce_cached() {
    ImageCache::State state = cache_.state();
    for (auto [name, release] : {std::pair{"good", &state.good}, {"newest", &state.newest}}) {
      if (release->empty()) continue;
      std::string error;
      std::optional<OpenImage> image =
          open_image(options_.folder, options_.trust, release->index, release->statement, error);
      if (!image) {
        failed("in the cache: " + error);
        *release = {};
        continue;
      }
      close(image->artifact);
      if (image->snapshot >= 0) close(image->snapshot);
      release->sequence = image->statement.sequence;
      release->expires = image->statement.expires;
      say(std::string(name) + " " + release_words(*release));
    }
    newest_ = state.newest;
    good_ = state.good;
  }

  std::string credentials(std::string& error) const {
    std::string token;
    if (!options_.token_file.empty()) {
      std::string text;
      if (!read_file(options_.token_file, kMaxToken, text, error)) return "";
      std::vector<std::string> words = split_words(text);
      if (words.size() != 1) return error = options_.token_file + ": not a token", "";
      token = words.front();
    } else if (const char* given = std::getenv("AOTC_TOKEN")) {
      token = given;
    }
    return token.empty() ? aotc::docker_credentials(options_.base) : "token:" + token;
  }

  bool fetch(aotc::RegistryClient& client, const aotc::Descriptor& blob, std::string& error) {
    if (cache_.has(blob)) return true;
    return cache_.put(blob.digest, [&](const ImageCache::Sink& sink) { return client.blob(blob, sink, error); }, error);
  }

  // Asks for the tag; a thorough pull looks at all that is known of its image again, too.
  bool pull(bool thorough, std::string& error) {
    error.clear();
    std::string login = credentials(error);
    if (!error.empty()) return false;
    aotc::RegistryClient client(options_.base, options_.repository, login, options_.realms);
    std::optional<aotc::Manifest> index = client.manifest(options_.reference, error);
    if (!index) return false;
    auto now = static_cast<uint64_t>(std::time(nullptr));
    bool fresh = options_.trust.keys.empty() || now < newest_.expires - (newest_.expires - issued_) / 2;
    if (!thorough && index->digest == newest_.index && fresh) return say("same"), true;

    Release release{index->digest, "", 0, 0};
    ImageCache::State state = cache_.state();
    if (!options_.trust.keys.empty()) {
      aotc::TrustedKeys keys;
      if (!read_keys(options_.trust, keys, error)) return false;
      aotc::Expectation expected{options_.trust.repository, index->digest, now, state.sequence};
      std::optional<aotc::FoundStatement> found = aotc::find_statement(client, keys, expected, error);
      if (!found) return false;
      release.statement = aotc::sha256(found->text);
      release.sequence = found->statement.sequence;
      release.expires = found->statement.expires;
      issued_ = found->statement.issued;
      if (release.sequence == state.sequence && state.sequence_index != "-" && state.sequence_index != index->digest)
        return error = "sequence " + std::to_string(release.sequence) + " was seen with another image", false;
      if (release.sequence > state.sequence) {
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
        !cache_.put(entry->digest, manifest->bytes, error) || !fetch(client, layers->artifact, error) ||
        (layers->snapshot && !fetch(client, *layers->snapshot, error)))
      return false;
    bool same = release.is(newest_) && release.statement == newest_.statement;
    if (same) return say("same"), true;
    state.newest = newest_ = release;
    state.good = good_;
    if (!cache_.write_state(state, error)) return false;
    say("newest " + release_words(release));
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
      if (ready > 0 && !hear()) return false;
    }
    return true;
  }

  bool hear() {
    char piece[4096];
    ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
    if (n <= 0) return n < 0 && errno == EINTR;
    heard_.append(piece, static_cast<size_t>(n));
    for (size_t end; (end = heard_.find('\n')) != std::string::npos; heard_.erase(0, end + 1)) {
      std::string line = heard_.substr(0, end), error;
      if (line == "now") now_ = true;
      if (line.rfind("good ", 0) != 0 || !parse_release_words(line.substr(5), good_)) continue;
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
  ImageCache cache_;
  Release newest_, good_;
  uint64_t issued_ = 0;
  unsigned failures_ = 0;
  double delay_ = 0;
  bool now_ = false;
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

int run_puller(const PullOptions& options) {
  const rlimit none = {0, 0}, memory = {kMemory, kMemory};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setrlimit(RLIMIT_CORE, &none);
  setrlimit(RLIMIT_DATA, &memory);
  return Puller(options).run();
}
