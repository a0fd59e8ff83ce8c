// image_files.h - files of an app's folder in the cache, by their digests: opened without following links, and believed
// once they were read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "release.h"

constexpr size_t kMaxDocument = 4 << 20;
constexpr uint64_t kMaxBlob = uint64_t{2} << 30;

// Files of one app's folder by their digests, open until this is destroyed.
class ImageFiles {
 public:
  static constexpr size_t kMostFiles = 128;
  ImageFiles() = default;
  explicit ImageFiles(int folder) : folder_(folder) {}  // opens when asked for
  ~ImageFiles() { close(); }
  ImageFiles(const ImageFiles&) = delete;
  ImageFiles& operator=(const ImageFiles&) = delete;
  // Opens what has the name of a blob, while names can still be opened: the release's and the lists first, then others,
  // up to a number that no well-behaved puller needs. Root takes them from the puller before, so that nobody writes to
  // them any more.
  bool open(const std::string& folder, const Release& release, const ObeyedLists& lists, std::string& error);
  // A descriptor, or -1 with errno.
  int get(const std::string& digest);
  void close();
  // All descriptors, and what numbers they were given instead.
  std::vector<int> numbers() const;
  void renumber(const std::vector<int>& numbers);

 private:
  void add(int folder, const std::string& digest);
  void take(int folder, const std::string& digest);
  int folder_ = -1;
  std::map<std::string, int> files_;
  std::set<std::string> refused_;
};

// A document whose digest is right.
bool read_blob(ImageFiles& files, const std::string& digest, std::string& bytes, std::string& error);

// The file with this digest, read through the descriptor that is returned; -1 when there is none. Its size is known
// when all of it was read: what is asked of the file system may not be asked any more.
int checked_blob(ImageFiles& files, const std::string& digest, std::optional<uint64_t> size, std::string& error);

// The name of a blob, and a file of a folder.
std::string name_of(const std::string& digest);
int open_in(int folder, const std::string& name);

// The whole file, if it has no more than `most` bytes.
bool read_file(const std::string& path, size_t most, std::string& bytes, std::string& error);
// Up to one byte more, of a file that is open: from its beginning, wherever it was read before.
bool read_whole(int fd, size_t most, std::string& bytes);
// At white space.
std::vector<std::string> split_words(const std::string& text);
// False when it is not a decimal number below 10^18.
bool parse_number(const std::string& text, uint64_t& number);
// False, with what the system said of `path`.
bool failed(const std::string& path, std::string& error);
