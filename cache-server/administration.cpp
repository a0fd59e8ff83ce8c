// administration.cpp - see administration.h.
#include "administration.h"

#include <filesystem>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control.h"

namespace aotc::server {

namespace {

using Json = nlohmann::json;

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

std::string text_in(const Json& json, const char* key) {
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

llvm::Expected<std::string> back_up(Store& store, const std::string& folder, unsigned keep) {
  if (llvm::Error error = store.back_up(folder, keep)) return error;
  return fmt::format("backed up to {}", folder);
}

llvm::Expected<std::string> ask_running(const std::string& data, const Json& command) {
  llvm::Expected<std::optional<std::string>> answer = ask_server(data, command);
  if (!answer) return answer.takeError();
  if (!*answer) return failure("no server runs on " + data);
  return **answer;
}

}  // namespace

llvm::Expected<std::string> back_up(const Administration& arguments) {
  std::string folder = std::filesystem::absolute(arguments.folder).string();
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
  return ask_running(arguments.data, {{"command", "rebuild"}, {"compiler", arguments.compiler}});
}

llvm::Expected<std::string> revoke(const Administration& arguments) {
  return ask_running(arguments.data, {{"command", "revoke"}, {"compiler", arguments.compiler}});
}

llvm::Expected<std::string> run_command(Service& service, const Json& command) {
  std::string name = text_in(command, "command"), compiler = text_in(command, "compiler");
  if (name == "backup") return back_up(service.store, text_in(command, "to"), command.value("keep", 7u));
  if (name == "rebuild") {
    llvm::Expected<size_t> jobs = service.jobs.rebuild(compiler);
    if (!jobs) return jobs.takeError();
    return fmt::format("{} images by compiler {} are being compiled again", *jobs, compiler);
  }
  if (name == "revoke") {
    llvm::Expected<size_t> images = service.jobs.revoke(compiler);
    if (!images) return images.takeError();
    return fmt::format("{} images by compiler {} are not served any more", *images, compiler);
  }
  return failure("unknown command \"" + name + "\"");
}

}  // namespace aotc::server
