// administration.cpp - see administration.h.
#include "administration.h"

#include <filesystem>
#include <set>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control.h"
#include "llvm/Support/JSON.h"
#include "metrics.h"
#include "store/catalog.h"
#include "support/error.h"

namespace aotc::server {

namespace {

using Json = nlohmann::json;

std::string text_in(const Json& json, const char* key) {
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

llvm::Expected<std::string> back_up(Store& store, const std::string& folder, unsigned keep) {
  if (llvm::Error error = store.back_up(folder, keep)) return error;
  return fmt::format("backed up to {}", folder);
}

// Whoever can open the socket can write anything to it.
llvm::Expected<std::string> back_up(Store& store, const Json& command) {
  std::string folder = text_in(command, "to");
  auto keep = command.find("keep");
  if (folder.empty() || folder.front() != '/') return failure("\"to\" is not an absolute path");
  if (keep == command.end() || !keep->is_number_unsigned() || *keep < 1u || *keep > kMostBackups)
    return failure(fmt::format("\"keep\" is not a number from 1 to {}", kMostBackups));
  llvm::Expected<std::string> done = back_up(store, folder, keep->get<unsigned>());
  if (done) return done;
  return failure(llvm::toString(done.takeError()) + " (a running server can write to its --backups only)");
}

// First the lists, so that whoever asks for an image that is gone can see why.
llvm::Error add_to_lists(Service& service, const RevokedImages& which, const std::string& reason) {
  const auto& [compiler, index, repository] = which;
  if (!compiler.empty())
    return service.revocations.add_compiler(repository.empty() ? kWholeFleet : repository, compiler, reason);
  llvm::Expected<std::set<std::string>> repositories = std::set<std::string>{repository};
  if (repository.empty()) repositories = service.jobs.repositories_of(index);
  if (!repositories) return repositories.takeError();
  if (repositories->empty()) return failure("no repository has " + index + "; --repository can name one that had it");
  for (const std::string& name : *repositories)
    if (llvm::Error error = service.revocations.add_index(name, index, reason)) return error;
  return llvm::Error::success();
}

llvm::Expected<std::string> revoke(Service& service, const RevokedImages& which, const std::string& reason) {
  const auto& [compiler, index, repository] = which;
  if (compiler.empty() && index.empty() && repository.empty())
    return failure("--compiler, --index or --repository is needed");
  if (!compiler.empty() && !is_compiler_version(compiler)) return failure(compiler + ": not the version of a compiler");
  if (!index.empty() && !is_digest(index)) return failure(index + ": not a digest");
  if (!repository.empty() && !is_repository_name(repository)) return failure(repository + ": not a repository");
  if (!is_revocation_reason(reason)) return failure("the reason is not 1 to 200 printable characters of ASCII");
  uint64_t images = 0;
  if (compiler.empty() && index.empty()) {
    llvm::Expected<uint64_t> removed = service.catalog.revoke_all(repository, reason);
    if (!removed) return removed.takeError();
    images += *removed;
  } else if (llvm::Error error = add_to_lists(service, which, reason)) {
    return error;
  }
  llvm::Expected<uint64_t> published = service.catalog.publish_revocations(service.tenants);
  if (!published) return published.takeError();
  service.counters.published_revocations += *published;
  llvm::Expected<size_t> removed = service.jobs.revoke(which);
  if (!removed) return removed.takeError();
  images += *removed;
  std::string told = service.revocations.signs() ? fmt::format("nodes are told in {} repositories", *published)
                                                 : "no node is told, since nothing is signed here";
  return fmt::format("{} images are not served any more; {}", images, told);
}

llvm::Expected<std::string> ask_running(const std::string& data, const Json& command) {
  llvm::Expected<std::optional<std::string>> answer = ask_server(data, command);
  if (!answer) return answer.takeError();
  if (!*answer) return failure("no server runs on " + data);
  return **answer;
}

}  // namespace

llvm::Expected<std::string> back_up(const Administration& arguments) {
  std::error_code code;
  std::string folder = std::filesystem::absolute(arguments.folder, code).string();
  if (code) return failure(arguments.folder + ": " + code.message());
  if (!llvm::json::isUTF8(folder)) return failure("--to: the path is not UTF-8");
  llvm::Expected<std::optional<std::string>> answer =
      ask_server(arguments.data, {{"command", "backup"}, {"to", folder}, {"keep", arguments.keep}});
  if (!answer) return answer.takeError();
  if (*answer) return **answer;
  std::string path = arguments.data + "/store";
  if (!std::filesystem::exists(path)) return failure(path + ": there is no store");
  llvm::Expected<std::unique_ptr<Store>> store = Store::open(path);
  if (!store) return store.takeError();
  return back_up(**store, folder, arguments.keep);
}

llvm::Expected<std::string> restore(const Administration& arguments) {
  if (llvm::Error error = Store::restore(arguments.folder, arguments.data + "/store")) return error;
  return "restored to " + arguments.data;
}

llvm::Expected<std::string> rebuild(const Administration& arguments) {
  return ask_running(arguments.data, {{"command", "rebuild"}, {"compiler", arguments.revocation.compiler}});
}

llvm::Expected<std::string> revoke(const Administration& arguments) {
  const RevokedImages& which = arguments.revocation;
  return ask_running(arguments.data, {{"command", "revoke"},
                                      {"compiler", which.compiler},
                                      {"index", which.index},
                                      {"repository", which.repository},
                                      {"reason", arguments.reason}});
}

llvm::Expected<std::string> run_command(Service& service, const Json& command) {
  std::string name = text_in(command, "command"), compiler = text_in(command, "compiler");
  if (name == "backup") return back_up(service.store, command);
  if (name == "rebuild") {
    if (compiler.empty()) return failure("\"compiler\" is not a version");
    llvm::Expected<size_t> jobs = service.jobs.rebuild(compiler);
    if (!jobs) return jobs.takeError();
    return fmt::format("{} images by compiler {} are being compiled again", *jobs, compiler);
  }
  if (name == "revoke")
    return revoke(service, {compiler, text_in(command, "index"), text_in(command, "repository")},
                  text_in(command, "reason"));
  return failure("unknown command \"" + name + "\"");
}

}  // namespace aotc::server
