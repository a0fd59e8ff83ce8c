// folder_lock.cpp - see folder_lock.h. flock() has no limit of time without a signal, so it is asked again and again.
#include "cache/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <thread>

namespace aotc {

std::optional<FolderLock> FolderLock::take(const std::string& path, Kind kind, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kPause{2};
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return std::nullopt;
  auto until = std::chrono::steady_clock::now() + patience;
  while (flock(file.get(), (kind == Kind::Shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if ((errno != EWOULDBLOCK && errno != EINTR) || std::chrono::steady_clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(kPause);
  }
  return FolderLock(std::move(file));
}

}  // namespace aotc
