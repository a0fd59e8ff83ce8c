// confined.cpp - see confined.h.
#include "confined.h"

#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "files.h"
#include "sandbox/sandbox.h"

namespace {

llvm::Error enter(aotc_process process, const aotc_grants& grants) {
  const char* failed = aotc_sandbox_enter(process, &grants);
  if (failed == nullptr) return llvm::Error::success();
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 fmt::format("cannot confine this process: {}: {}", failed, std::strerror(errno)));
}

}  // namespace

llvm::Expected<std::vector<std::vector<uint8_t>>> read_files_confined(const std::vector<std::string>& paths,
                                                                      uint64_t limit) {
  std::vector<int> files;
  for (const std::string& path : paths) {
    llvm::Expected<int> file = open_to_read(path);
    if (!file) return file.takeError();
    files.push_back(*file);
  }
  if (llvm::Error error = enter(AOTC_INSPECTOR, {})) return error;
  std::vector<std::vector<uint8_t>> contents;
  for (size_t i = 0; i < files.size(); ++i) {
    llvm::Expected<std::vector<uint8_t>> bytes = read_open_file(files[i], paths[i], limit);
    if (!bytes) return bytes.takeError();
    contents.push_back(std::move(*bytes));
  }
  return contents;
}

llvm::Expected<std::vector<uint8_t>> read_file_confined(const std::string& path, uint64_t limit) {
  llvm::Expected<std::vector<std::vector<uint8_t>>> contents = read_files_confined({path}, limit);
  if (!contents) return contents.takeError();
  return std::move(contents->front());
}

llvm::Error confine_client(const std::vector<std::string>& read, const std::vector<std::string>& write) {
  // /etc has the resolver's files and, with /usr/share, the certificates; what SSL_CERT_FILE names comes besides.
  std::vector<const char*> writable,
      readable = {"/etc", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/run/systemd/resolve"};
  if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != 0) readable.push_back(file);
  for (const std::string& path : read) readable.push_back(path.c_str());
  for (const std::string& path : write) writable.push_back(path.c_str());
  readable.push_back(nullptr);
  writable.push_back(nullptr);
  aotc_grants grants{};
  grants.read = readable.data();
  grants.write = writable.data();
  return enter(AOTC_CLIENT, grants);
}
