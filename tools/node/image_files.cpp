// image_files.cpp - see image_files.h.
#include "image_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "registry/digest.h"
#include "support/io.h"
#include "support/unique_fd.h"

namespace {

constexpr size_t kPiece = 1 << 20;
constexpr unsigned kMaxEntries = 4096;  // of the folder that are looked at
constexpr const char* kSha256 = "sha256:";

// Makes a file root's, read-only. A lease for reading is granted only if nobody has it open for writing, or mapped so;
// where the file system has no leases it is not asked.
bool is_taken(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) return false;
  bool ours = st.st_uid == 0 && (st.st_mode & 0222) == 0;
  if (!ours && (fchown(fd, 0, 0) != 0 || fchmod(fd, 0444) != 0)) return false;
  return fcntl(fd, F_SETLEASE, F_RDLCK) == 0 ? fcntl(fd, F_SETLEASE, F_UNLCK) == 0 : errno == EINVAL;
}

}  // namespace

bool failed(const std::string& path, std::string& error) { return error = path + ": " + std::strerror(errno), false; }

std::string name_of(const std::string& digest) { return digest.substr(std::strlen(kSha256)); }

int open_in(int folder, const std::string& name) {
  return openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

int checked_blob(ImageFiles& files, const std::string& digest, std::optional<uint64_t> size, std::string& error) {
  int fd = files.get(digest);
  if (fd < 0) return failed(digest, error), -1;
  aotc::Sha256 hash;
  std::string piece(kPiece, '\0');
  uint64_t most = size.value_or(kMaxBlob), at = 0;
  ssize_t n;
  while ((n = pread(fd, piece.data(), piece.size(), static_cast<off_t>(at))) > 0 &&
         (at += static_cast<uint64_t>(n)) <= most)
    hash.update(piece.data(), static_cast<size_t>(n));
  if (n == 0 && (!size || at == *size) && hash.finish() == digest) return fd;
  error = digest + ": damaged in the cache";
  return -1;
}

bool read_whole(int fd, size_t most, std::string& bytes) {
  bytes.resize(most + 1);
  const ssize_t size = aotc_pread_all(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  return size >= 0;
}

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
