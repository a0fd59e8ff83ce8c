// confinement.cpp - see confinement.h. Workers and freezers begin under these rules before they enter their own, so
// what starts a program is granted: the programs, the loader, and the folders of the libraries that are mapped here.
#include "confinement.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "sandbox/sandbox.h"

namespace aotc::server {

namespace {

struct Libraries {
  std::set<std::string> folders, loaders;
};

// From /proc/self/maps: a path is the last field of a line, and the only one with slashes.
Libraries mapped_libraries() {
  Libraries libraries;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    size_t start = line.find('/');
    if (start == std::string::npos) continue;
    std::filesystem::path path(line.substr(start));
    libraries.folders.insert(path.parent_path());
    if (path.filename().string().rfind("ld-", 0) == 0) libraries.loaders.insert(path);
  }
  return libraries;
}

std::vector<const char*> pointers(const std::vector<std::string>& paths) {
  std::vector<const char*> list;
  for (const std::string& path : paths) list.push_back(path.c_str());
  list.push_back(nullptr);
  return list;
}

}  // namespace

llvm::Error confine_server(const Reach& reach) {
  Libraries libraries = mapped_libraries();
  // The system's: certificates, time zones, the loader's cache; what RocksDB and the C library ask about the machine.
  std::vector<std::string> read = {"/etc", "/usr", "/lib", "/lib64", "/proc", "/sys", "/dev"};
  read.insert(read.end(), libraries.folders.begin(), libraries.folders.end());
  for (const std::string& file : reach.read)
    if (!file.empty()) read.push_back(std::filesystem::absolute(file).parent_path());
  std::vector<std::string> start = reach.start;
  start.push_back("/proc/self/exe");
  start.insert(start.end(), libraries.loaders.begin(), libraries.loaders.end());
  std::vector<const char*> readable = pointers(read), writable = pointers(reach.write), startable = pointers(start);
  aotc_grants grants{};
  grants.read = readable.data();
  grants.write = writable.data();
  grants.execute = startable.data();
  const char* failed = aotc_sandbox_enter(AOTC_SERVER, &grants);
  if (failed == nullptr) return llvm::Error::success();
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 fmt::format("cannot confine the server: {}: {}", failed, std::strerror(errno)));
}

}  // namespace aotc::server
