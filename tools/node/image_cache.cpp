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

constexpr size_t kPiece = 1 << 20, kMaxDocument = 4 << 20, kMaxKeyFile = 64 << 10;
constexpr uint64_t kMaxBlob = uint64_t{2} << 30;
constexpr unsigned kMaxEntries = 4096;  // of the folder that are looked at
constexpr const char* kSha256 = "sha256:";
constexpr const char* kNew = "new";     // until it is renamed

bool failed(const std::string& path, std::string& error) { return error = path + ": " + std::strerror(errno), false; }

std::string name_of(const std::string& digest) { return digest.substr(std::strlen(kSha256)); }

int open_in(int folder, const std::string& name) {
  return openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

// Makes a file root's, read-only. A lease for reading is granted only if nobody has it open for writing, or mapped so; where
// the file system has no leases it is not asked.
bool is_taken(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) return false;
  bool ours = st.st_uid == 0 && (st.st_mode & 0222) == 0;
  if (!ours && (fchown(fd, 0, 0) != 0 || fchmod(fd, 0444) != 0)) return false;
  return fcntl(fd, F_SETLEASE, F_RDLCK) == 0 ? fcntl(fd, F_SETLEASE, F_UNLCK) == 0 : errno == EINVAL;
}

// The file with this digest, read through the descriptor that is returned; -1 when there is none. Its size is known when
// all of it was read: what is asked of the file system may not be asked any more.
int checked_blob(ImageFiles& files, const std::string& digest, std::optional<uint64_t> size, std::string& error) {
  int fd = files.get(digest);
  if (fd < 0) return failed(digest, error), -1;
  aotc::Sha256 hash;
  std::string piece(kPiece, '\0');
  uint64_t most = size.value_or(kMaxBlob), at = 0;
  ssize_t n;
  while ((n = pread(fd, piece.data(), piece.size(), static_cast<off_t>(at))) > 0 && (at += static_cast<uint64_t>(n)) <= most)
    hash.update(piece.data(), static_cast<size_t>(n));
  if (n == 0 && (!size || at == *size) && hash.finish() == digest) return fd;
  error = digest + ": damaged in the cache";
  return -1;
}

// Of a file that is open: from its beginning, wherever it was read before.
bool read_whole(int fd, size_t most, std::string& bytes) {
  bytes.resize(most + 1);
  const ssize_t size = aotc_pread_all(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  return size >= 0;
}

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
  if (words.size() != 11 || words[0] != "aotc-node-state" || words[1] != (lists ? "2" : "1") || words[2] != "sequence" ||
      words[5] != "newest" || words[8] != "good")
    return false;
  state.sequence_index = words[4];
  return parse_number(words[3], state.sequence) && (words[4] == "-" || aotc::is_digest(words[4])) &&
         parse_release(words[6], words[7], state.newest) && parse_release(words[9], words[10], state.good);
}

}  // namespace

bool read_blob(ImageFiles& files, const std::string& digest, std::string& bytes, std::string& error) {
  int fd = files.get(digest);
  if (fd < 0 || !read_whole(fd, kMaxDocument, bytes)) return failed(digest, error);
  return aotc::sha256(bytes) == digest || (error = digest + ": damaged in the cache", false);
}

bool read_file(const std::string& path, size_t most, std::string& bytes, std::string& error) {
  aotc::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return failed(path, error);
  bytes.resize(most + 1);
  const ssize_t size = aotc_read_all(file.get(), bytes.data(), bytes.size());
  if (size < 0) return failed(path, error);
  bytes.resize(static_cast<size_t>(size));
  return bytes.size() <= most || (error = path + ": too large", false);
}

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  for (size_t end = 0, begin; (begin = text.find_first_not_of(" \n", end)) != std::string::npos;) {
    end = std::min(text.find_first_of(" \n", begin), text.size());
    words.push_back(text.substr(begin, end - begin));
  }
  return words;
}

bool parse_number(const std::string& text, uint64_t& number) {
  number = 0;
  for (char c : text) number = number * 10 + static_cast<uint64_t>(c - '0');
  return !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
}

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

void ImageFiles::add(int folder, const std::string& digest) {
  if (!aotc::is_digest(digest) || files_.size() >= kMostFiles || files_.count(digest) != 0) return;
  int fd = open_in(folder, name_of(digest));
  if (fd >= 0) files_[digest] = fd;
}

void ImageFiles::take(int folder, const std::string& digest) {
  add(folder, digest);
  auto found = files_.find(digest);
  if (found == files_.end() || geteuid() != 0 || is_taken(found->second)) return;
  ::close(found->second);
  files_.erase(found);
  refused_.insert(digest);
}

bool ImageFiles::open(const std::string& path, const Release& release, const ObeyedLists& lists, std::string& error) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return failed(path, error);
  for (const std::string* digest : {&release.index, &release.statement, &lists.own, &lists.fleet})
    take(dirfd(folder), *digest);
  unsigned seen = 0;
  for (dirent* entry; ++seen < kMaxEntries && (entry = readdir(folder)) != nullptr;)
    take(dirfd(folder), std::string(kSha256) + entry->d_name);
  closedir(folder);
  return true;
}

int ImageFiles::get(const std::string& digest) {
  if (folder_ >= 0) add(folder_, digest);
  auto found = files_.find(digest);
  if (found != files_.end()) return found->second;
  errno = refused_.count(digest) != 0 ? ETXTBSY : ENOENT;
  return -1;
}

void ImageFiles::close() {
  for (const auto& [digest, fd] : files_) ::close(fd);
  files_.clear();
}

std::vector<int> ImageFiles::numbers() const {
  std::vector<int> list;
  for (const auto& [digest, fd] : files_) list.push_back(fd);
  return list;
}

void ImageFiles::renumber(const std::vector<int>& numbers) {
  auto number = numbers.begin();
  for (auto& [digest, fd] : files_) fd = *number++;
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
  return (good && fchown(fd_, user, user) == 0) || (error = folder_ + ": cannot be given to user " + std::to_string(user), false);
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
