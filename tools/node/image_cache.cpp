// image_cache.cpp - see image_cache.h.
#include "image_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "registry/digest.h"
#include "registry/media_types.h"
#include "revoked.h"
#include "support/io.h"
#include "support/unique_fd.h"

namespace {

constexpr size_t kMaxKeyFile = 64 << 10;
constexpr const char* kNew = "new";  // until it is renamed

std::optional<aotc::Manifest> read_manifest(ImageFiles& files, const std::string& digest, std::string& error) {
  std::string bytes;
  if (!read_blob(files, digest, bytes, error)) return std::nullopt;
  std::optional<aotc::Manifest> manifest = aotc::parse_manifest(bytes);
  if (!manifest) error = digest + ": not an image manifest or index";
  return manifest;
}

#if defined(__x86_64__)
constexpr const char* kArchitecture = "amd64";
// Higher is better, negative is impossible.
int rank(const std::string& variant) {
  if (variant.empty() || variant == "v1") return 1;
  if (variant == "v2") return __builtin_cpu_supports("x86-64-v2") ? 2 : -1;
  if (variant == "v3") return __builtin_cpu_supports("x86-64-v3") ? 3 : -1;
  if (variant == "v4") return __builtin_cpu_supports("x86-64-v4") ? 4 : -1;
  return -1;
}
#elif defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
int rank(const std::string& variant) { return variant.empty() || variant == "v8" ? 1 : -1; }
#endif

std::string text_of(const Release& release) {
  if (release.empty()) return "- -";
  return release.index + " " + (release.statement.empty() ? "-" : release.statement);
}

bool parse_release(const std::string& index, const std::string& statement, Release& release) {
  if (index == "-") return statement == "-";
  release.index = index;
  if (statement != "-") release.statement = statement;
  return aotc::is_digest(index) && (statement == "-" || aotc::is_digest(statement));
}

std::string list_text(uint64_t sequence, const std::string& digest) {
  return std::to_string(sequence) + " " + (digest.empty() ? "-" : digest);
}

bool parse_list(const std::string& sequence, const std::string& digest, uint64_t& number, std::string& list) {
  if (digest != "-") list = digest;
  return parse_number(sequence, number) && (digest == "-" || aotc::is_digest(digest));
}

bool parse_state(const std::string& text, ImageCache::State& state) {
  std::vector<std::string> words = split_words(text);
  // What came with version 2.
  bool lists = words.size() == 17 && words[1] == "2" && words[5] == "revocations" && words[8] == "fleet";
  if (lists && (!parse_list(words[6], words[7], state.own_sequence, state.lists.own) ||
                !parse_list(words[9], words[10], state.fleet_sequence, state.lists.fleet)))
    return false;
  if (lists) words.erase(words.begin() + 5, words.begin() + 11);
  if (words.size() != 11 || words[0] != "aotc-node-state" || words[1] != (lists ? "2" : "1") ||
      words[2] != "sequence" || words[5] != "newest" || words[8] != "good")
    return false;
  state.sequence_index = words[4];
  return parse_number(words[3], state.sequence) && (words[4] == "-" || aotc::is_digest(words[4])) &&
         parse_release(words[6], words[7], state.newest) && parse_release(words[9], words[10], state.good);
}

}  // namespace

bool read_trust(const Trust& trust, TrustRoot& root, std::string& error) {
  root.repository = trust.repository;
  root.needs_signature = !trust.keys.empty();
  for (const std::string& path : trust.keys) {
    std::string pem;
    if (!read_file(path, kMaxKeyFile, pem, error)) return false;
    if (!root.keys.add(pem, error)) return error = path + ": " + error, false;
  }
  return true;
}

std::optional<aotc::Descriptor> choose_manifest(const aotc::Manifest& index, std::string& error) {
  std::optional<aotc::Descriptor> best;
  for (const aotc::Descriptor& entry : index.manifests)
    if (entry.os == "linux" && entry.architecture == kArchitecture &&
        rank(entry.variant) > (best ? rank(best->variant) : 0))
      best = entry;
  if (!best) error = "the image has nothing that this machine can run";
  return best;
}

std::optional<ImageLayers> image_layers(const aotc::Manifest& manifest, std::string& error) {
  ImageLayers layers;
  unsigned artifacts = 0, snapshots = 0;
  for (const aotc::Descriptor& layer : manifest.layers) {
    if (layer.media_type == aotc::kArtifactType) layers.artifact = layer, ++artifacts;
    if (layer.media_type == aotc::kSnapshotType) layers.snapshot = layer, ++snapshots;
    if (layer.size > kMaxBlob) return error = layer.digest + ": too large", std::nullopt;
  }
  if (manifest.config && manifest.config->size > kMaxDocument)
    return error = manifest.config->digest + ": too large", std::nullopt;
  if (artifacts == 1 && snapshots <= 1) return layers;
  error = "not an image that aotc made";
  return std::nullopt;
}

std::optional<Documents> read_documents(ImageFiles& files, const TrustRoot& trust, const Release& release,
                                        bool at_any_time, std::string& error) {
  Documents documents;
  if (trust.needs_signature) {
    std::string text;
    if (release.statement.empty()) return error = "not signed", std::nullopt;
    if (!read_blob(files, release.statement, text, error)) return std::nullopt;
    aotc::Expectation expected{trust.repository, release.index, static_cast<uint64_t>(std::time(nullptr)), 0,
                               at_any_time};
    std::optional<aotc::Statement> good = trust.keys.verify(text, expected, error);
    if (!good) return std::nullopt;
    documents.statement = *good;
  }
  std::optional<aotc::Manifest> index = read_manifest(files, release.index, error);
  if (!index) return std::nullopt;
  std::optional<aotc::Descriptor> entry = choose_manifest(*index, error);
  std::optional<aotc::Manifest> manifest;
  if (entry) manifest = read_manifest(files, entry->digest, error);
  if (!manifest) return std::nullopt;
  documents.manifest = std::move(*manifest);
  return documents;
}

std::optional<aotc::SignedRelease> facts_of(ImageFiles& files, const Documents& documents, std::string& error) {
  const std::optional<aotc::Descriptor>& config = documents.manifest.config;
  std::string text;
  if (config && !read_blob(files, config->digest, text, error)) return std::nullopt;
  return aotc::SignedRelease{documents.statement.index, documents.statement.sequence, aotc::compiler_in_config(text)};
}

std::optional<OpenImage> open_image(ImageFiles& files, const TrustRoot& trust, const Release& release,
                                    const ObeyedLists& lists, std::string& error) {
  std::optional<Documents> documents = read_documents(files, trust, release, false, error);
  if (!documents) return std::nullopt;
  OpenImage image;
  image.statement = documents->statement;
  if (lists != ObeyedLists()) {
    Revoked revoked;
    std::optional<aotc::SignedRelease> facts;
    if (!revoked.read(files, trust, lists, error) || !(facts = facts_of(files, *documents, error))) return std::nullopt;
    if (auto found = revoked.find(*facts)) return error = "revoked: " + found->reason, std::nullopt;
  }
  std::optional<ImageLayers> layers = image_layers(documents->manifest, error);
  if (!layers || (image.artifact = checked_blob(files, layers->artifact.digest, layers->artifact.size, error)) < 0)
    return std::nullopt;
  if (!layers->snapshot) return image;
  image.snapshot = checked_blob(files, layers->snapshot->digest, layers->snapshot->size, error);
  return image.snapshot >= 0 ? std::optional(image) : std::nullopt;
}

bool ImageCache::make(unsigned user, std::string& error) {
  for (size_t at = folder_.find('/', 1);; at = folder_.find('/', at + 1)) {
    if (mkdir(folder_.substr(0, at).c_str(), 0700) != 0 && errno != EEXIST) return failed(folder_, error);
    if (at == std::string::npos) break;
  }
  fd_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st;
  if (fd_ < 0 || fstat(fd_, &st) != 0) return failed(folder_, error);
  if (user == 0 || st.st_uid == user) return true;
  // What is in it was put there by whoever runs this, so it can be given away; the folder last, or it could not.
  DIR* folder = fdopendir(dup(fd_));
  bool good = folder != nullptr && st.st_uid == geteuid();
  while (good)
    if (dirent* entry = readdir(folder)) {
      if (fstatat(fd_, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
        good = fchownat(fd_, entry->d_name, user, user, AT_SYMLINK_NOFOLLOW) == 0;
    } else {
      break;
    }
  if (folder != nullptr) closedir(folder);
  return (good && fchown(fd_, user, user) == 0) ||
         (error = folder_ + ": cannot be given to user " + std::to_string(user), false);
}

bool ImageCache::open(std::string& error) {
  std::string text;
  if (lock_ < 0) lock_ = openat(fd_, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_ < 0) return failed(folder_ + "/lock", error);
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) return error = folder_ + ": in use by another node", false;
  state_ = {};
  state_.sequence_index = "-";
  aotc::UniqueFd state(open_in(fd_, "state"));
  if (state.get() < 0 && errno == ENOENT) return true;
  if (state.get() < 0 || !read_whole(state.get(), kMaxKeyFile, text)) return failed(folder_ + "/state", error);
  // Without it an old release could be replayed, so a node does not go on as if it were not there.
  return parse_state(text, state_) ||
         (error = folder_ + "/state: damaged; nothing is pulled until it is removed", false);
}

bool ImageCache::write(const std::string& name, const std::function<bool(const Sink&)>& fill, std::string& error) {
  std::string path = folder_ + "/" + kNew;
  aotc::UniqueFd file(openat(fd_, kNew, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return failed(path, error);
  std::string unwritten;
  Sink sink = [&](const char* data, size_t size) {
    return aotc_write_all(file.get(), data, size) || failed(path, unwritten);
  };
  if (!fill(sink)) {
    if (!unwritten.empty()) error = unwritten;
    unlinkat(fd_, kNew, 0);
    return false;
  }
  // Closed before it has its name: who finds it wants nobody to write to it.
  if (fsync(file.get()) != 0 || !file.close() || renameat(fd_, kNew, fd_, name.c_str()) != 0 || fsync(fd_) != 0)
    return failed(path, error);
  return true;
}

bool ImageCache::write_state(const State& state, std::string& error) {
  std::string text = "aotc-node-state 2\nsequence " + std::to_string(state.sequence) + " " + state.sequence_index +
                     "\nrevocations " + list_text(state.own_sequence, state.lists.own) + "\nfleet " +
                     list_text(state.fleet_sequence, state.lists.fleet) + "\nnewest " + text_of(state.newest) +
                     "\ngood " + text_of(state.good) + "\n";
  if (!write("state", [&](const Sink& sink) { return sink(text.data(), text.size()); }, error)) return false;
  state_ = state;
  return true;
}

bool ImageCache::has(const aotc::Descriptor& blob) const {
  std::string ignored;
  ImageFiles files(fd_);
  return checked_blob(files, blob.digest, blob.size, ignored) >= 0;
}

bool ImageCache::put(const std::string& digest, const std::function<bool(const Sink&)>& fill, std::string& error) {
  return write(name_of(digest), fill, error);
}

bool ImageCache::put(const std::string& digest, const std::string& bytes, std::string& error) {
  return put(digest, [&](const Sink& sink) { return sink(bytes.data(), bytes.size()); }, error);
}

void ImageCache::sweep() {
  std::set<std::string> kept = {".", "..", "state", "lock"};
  auto keep = [&](const std::string& digest) {
    if (!digest.empty()) kept.insert(name_of(digest));
  };
  ImageFiles files(fd_);
  keep(state_.lists.own);
  keep(state_.lists.fleet);
  for (const Release& release : {state_.newest, state_.good}) {
    if (release.empty()) continue;
    keep(release.index);
    keep(release.statement);
    std::string ignored;
    std::optional<aotc::Manifest> manifest = read_manifest(files, release.index, ignored);
    std::optional<aotc::Descriptor> entry = manifest ? choose_manifest(*manifest, ignored) : std::nullopt;
    if (!entry) continue;
    keep(entry->digest);
    if (!(manifest = read_manifest(files, entry->digest, ignored))) continue;
    for (const aotc::Descriptor& layer : manifest->layers) keep(layer.digest);
    if (manifest->config) keep(manifest->config->digest);
  }
  DIR* folder = fdopendir(dup(fd_));
  if (folder == nullptr) return;
  rewinddir(folder);
  while (dirent* entry = readdir(folder))
    if (kept.count(entry->d_name) == 0) unlinkat(fd_, entry->d_name, 0);
  closedir(folder);
}
