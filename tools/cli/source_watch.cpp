// source_watch.cpp - see source_watch.h.
#include "source_watch.h"

#include <sys/inotify.h>
#include <unistd.h>
#include <cerrno>
#include <sstream>

#include <nlohmann/json.hpp>

#include "support/error.h"

namespace {

using llvm::StringRef;

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// What editors leave lying around on their way, and tests, which are not built from.
bool matters(StringRef name, bool all) {
  if (name.empty() || name.starts_with(".") || name.starts_with("#") || name.ends_with("~")) return false;
  if (all) return true;
  if (name.ends_with("_test.go")) return false;
  for (StringRef end : {".go", ".s", ".mod", ".sum", ".work"})
    if (name.ends_with(end)) return true;
  return false;
}

// Not a module of somebody else's, which has a version.
bool is_own(const nlohmann::json& package) {
  if (package.value("Standard", false)) return false;
  if (!package.contains("Module")) return true;
  const nlohmann::json& module = package["Module"];
  return module.value("Main", false) || (module.contains("Replace") && !module["Replace"].contains("Version"));
}

}  // namespace

llvm::Expected<SourceFolders> source_folders(StringRef list) {
  SourceFolders folders;
  std::istringstream text(list.str());
  try {
    for (nlohmann::json package; (text >> std::ws).peek() != std::char_traits<char>::eof();) {
      text >> package;
      const std::string folder = package.value("Dir", "");
      if (folder.empty() || !is_own(package)) continue;
      folders.emplace(folder, false);
      for (const auto& file : package.value("EmbedFiles", std::vector<std::string>()))
        folders[folder_of(folder + "/" + file)] = true;
      if (package.contains("Module"))
        if (std::string file = package["Module"].value("GoMod", ""); !file.empty())
          folders.emplace(folder_of(file), false);
    }
  } catch (const nlohmann::json::exception&) {
    return aotc::failure("go list: not what it says of packages");
  }
  return folders;
}

llvm::Expected<SourceWatch> SourceWatch::make() {
  SourceWatch watch;
  watch.fd_ = aotc::UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch.fd_) return aotc::system_failure("cannot watch files");
  return watch;
}

void SourceWatch::look_at(const SourceFolders& folders) {
  for (auto it = watched_.begin(); it != watched_.end();) {
    bool gone = folders.count(it->second) == 0;
    if (gone) inotify_rm_watch(fd(), it->first);
    it = gone ? watched_.erase(it) : std::next(it);
  }
  folders_ = folders;
  // Again for one that is watched: it may be another folder of that name by now.
  for (const auto& [folder, all] : folders) {
    int id = inotify_add_watch(fd(), folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
    if (id >= 0) watched_[id] = folder;
  }
}

std::set<std::string> SourceWatch::take() {
  std::set<std::string> names;
  alignas(inotify_event) char bytes[1 << 16];
  for (ssize_t size; (size = read(fd(), bytes, sizeof bytes)) > 0;) {
    for (const char* at = bytes; at < bytes + size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      at += sizeof(inotify_event) + event->len;
      if ((event->mask & IN_Q_OVERFLOW) != 0) names.insert("many files");
      auto watched = watched_.find(event->wd);
      if (watched == watched_.end()) continue;
      if ((event->mask & IN_IGNORED) != 0) {
        watched_.erase(watched);
        continue;
      }
      StringRef name = event->len > 0 ? StringRef(event->name) : StringRef();
      if (matters(name, folders_.at(watched->second))) names.insert(name.str());
    }
  }
  return names;
}
